"""What Checkov is told to leave out: few checks, each with its reason."""

import re

from tests.template.document import ROOT

CONFIGURATION = (ROOT / ".checkov.yaml").read_text()


def test_every_check_that_is_left_out_has_its_reason() -> None:
    """In its line, and in words; the four are about functions."""
    skipped = re.findall(r"^  - (CKV_\w+)(.*)$", CONFIGURATION, re.M)
    assert [check for check, _ in skipped] == ["CKV_AWS_115", "CKV_AWS_116", "CKV_AWS_117", "CKV_AWS_173"]
    for check, reason in skipped:
        assert re.fullmatch(r" # \w+( \S+){7,}", reason), check


def test_nothing_else_is_left_out() -> None:
    """Neither a kind of check nor a file, and a failed check is a failure."""
    keys = re.findall(r"^([\w-]+):", CONFIGURATION, re.M)
    assert keys == ["framework", "skip-download", "compact", "quiet", "skip-check"]
    (target,) = re.findall(r"^\t(\S+/checkov .*)$", (ROOT / "Makefile").read_text(), re.M)
    assert target.endswith("--config-file .checkov.yaml --file template.yaml out/template.json")
