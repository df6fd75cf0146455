"""The policies that docs/operations.md has people write, as they are in this account."""

import re

from tests.stack import ROOT

LOGS = "access-logs"  # the bucket of the access logs
KEY, ACCESS_LOGS = "The key's policy", "The bucket of the access logs"
_NAMES = {"ACCOUNT": "123456789012", "REGION": "us-east-1", "NAME": "digits", "LOG_BUCKET": LOGS}


def policy(heading: str) -> str:
    """The JSON below a heading, its placeholders filled in."""
    text = (ROOT / "docs" / "operations.md").read_text()
    found = re.search(rf"### {heading}\n.*?```json\n(.*?)```", text, re.DOTALL)
    assert found, f"docs/operations.md: expected JSON below {heading!r}"
    return re.sub("|".join(_NAMES), lambda name: _NAMES[name[0]], found[1])
