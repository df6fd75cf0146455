"""The bugs that no test can see, each with the reason; `equivalent.toml` is the list."""

import tomllib
from pathlib import Path

LIST = Path(__file__).with_name("equivalent.toml")


def equivalents(file: Path = LIST) -> dict[tuple[str, str, str], str]:
    """The reasons, by file, function and change."""
    found = tomllib.loads(file.read_text())
    return {
        (entry["file"], entry["function"], change): entry["reason"]
        for entry in found.get("equivalent", [])
        for change in entry["changes"]
    }
