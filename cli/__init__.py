"""The `digits` command: thin, one file per group of commands."""
