"""The variables that `digits up` says to export."""

import re


def exported(shown: str) -> dict[str, str] | None:
    """The variables of all `export` lines, as a shell would take them; None before the last one is shown."""
    if not re.search(r"aws s3 ls|sam build", shown):  # what follows them
        return None
    lines = re.findall(r"^ *export (.*)$", shown, re.M)
    return dict(pair.split("=", 1) for line in lines for pair in line.split())
