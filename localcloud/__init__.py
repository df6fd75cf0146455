"""AWS on one machine: what `template.yaml` needs of it, without an account and without Docker."""
