"""How several processes share out the tests (pytest-xdist)."""

from typing import Any

from xdist.scheduler import LoadScopeScheduling

from tests import permission_log


class ByFile(LoadScopeScheduling):  # type: ignore[misc] # xdist carries no types
    """One process runs a whole file, and one and the same all that the replay of permissions looks at.

    pytest-xdist's own `loadgroup` would do: version 3.8 doesn't know pytest 9.2's names of tests.
    """

    def __init__(self, config: Any, log: Any) -> None:
        super().__init__(config, log)
        # else files with many tests come first, and one process ends long after the others, with the demos
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        file = permission_log.ROOT / nodeid.partition("::")[0]
        return "deployed" if file.parent == permission_log.E2E else str(file)
