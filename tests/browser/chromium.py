"""Where the browser is that shows the pages."""

import os
import shutil

MISSING = "expected Chromium on PATH or in the variable CHROMIUM, found none: install the package chromium"


def program() -> str | None:
    """Debian's Chromium, or the one that CHROMIUM names; None where there is none."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
