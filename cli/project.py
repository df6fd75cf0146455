"""What `digits demo` and `digits up` deploy, where they keep downloads, and what they need installed.

In a checkout template.yaml, samconfig.toml and functions/ are at the top; a wheel carries copies of them
(pyproject.toml).
"""

from importlib.util import find_spec
from pathlib import Path

from cli.errors import CommandError

_CHECKOUT = Path(__file__).parents[1]
_IN_CHECKOUT = (_CHECKOUT / "template.yaml").is_file()
_FILES = _CHECKOUT if _IN_CHECKOUT else Path(__file__).parent / "deployed"
TEMPLATE = _FILES / "template.yaml"
SAMCONFIG = _FILES / "samconfig.toml"
CACHE = (_CHECKOUT if _IN_CHECKOUT else Path.cwd()) / ".cache"

# Modules of pyproject.toml's extra `local`.
LOCAL = ("jsonpath_ng", "mlxtend", "moto", "optuna", "packaging", "samtranslator", "torch")


def require_local(command: str) -> None:
    """CommandError when this Python lacks packages of the extra `local`."""
    missing = [module for module in LOCAL if find_spec(module) is None]
    if missing:
        raise CommandError(
            f"digits {command}: expected the packages of the extra `local`, found no {', '.join(missing)}. "
            "Install digit-batch[local]; in a checkout `pip install '.[local]'`, or `make demo`, does it"
        )
