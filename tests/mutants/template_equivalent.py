"""Bugs of template.yaml that change nothing: each with its reason."""

EQUIVALENT = {
    "Globals.Function.CodeUri: functions/ → functions": "the same folder",
}
