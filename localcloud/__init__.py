"""AWS on one machine, for SAM applications, without an account and without Docker: see README.md."""
