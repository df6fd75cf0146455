"""What people are told through the stack's topic."""

from collections.abc import Callable
from typing import Any

Told = Callable[[], list[dict[str, Any]]]
