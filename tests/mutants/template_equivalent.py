"""Bugs of template.yaml that change nothing: each with its reason."""

EQUIVALENT: dict[str, str] = {}
