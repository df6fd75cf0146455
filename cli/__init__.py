"""The `digits` command: thin, one file a group of commands."""
