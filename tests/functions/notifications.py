"""What is published to the stack's topic."""

from collections.abc import Callable
from typing import Any

Published = Callable[[], list[dict[str, Any]]]
