"""A process with the packages that tests import: each order, a line of JSON, is carried out by a fork of it.

It runs in a copy of the project, in which one file has a bug. A run of tests ends at the first that fails.
    {"tests": ["tests/functions/test_labels.py::test_x"], "seconds": 20}   of CPU time at most
    {"types": ["functions"], "seconds": 600}   mypy's first error
    {"worlds": 100, "seconds": 60}      the simulator's first violation
    {"map": ["tests/functions"]}        which lines each test executes, how long it takes, and what it imports
    {"import": ["moto.s3.models"]}      carried out by the process itself: its forks needn't any more
The answer is a line, too: {"killed_by": "…"}, null where nothing failed, or the map.
"""

import contextlib
import gc
import importlib
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PYTEST = ["-q", "--assert=plain", "-p", "no:cacheprovider"]
EXAMPLES = 25  # of Hypothesis, the same each time
PATIENCE = 8  # seconds of the clock for one of CPU time, on a machine that has other work, too
MEMORY = 16 << 30
ROOTS = ("functions", "training/container")
sys.path[:0] = [str(Path(root).resolve()) for root in (".", *ROOTS)]  # as pytest has them (pyproject.toml)
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # none is needed, and each fork would load them

import boto3  # noqa: E402 # what most tests import, so that a fork needn't
import botocore.loaders  # noqa: E402
import coverage  # noqa: E402
import hypothesis  # noqa: E402
import jinja2  # noqa: E402, F401
import moto  # noqa: E402
import mypy.api  # noqa: E402
import numpy  # noqa: E402, F401
import orjson  # noqa: E402, F401
import PIL.Image  # noqa: E402, F401
import pytest  # noqa: E402
import torch  # noqa: E402


class Chosen:
    """Runs the chosen tests in their order, with few examples, and keeps the first that failed."""

    def __init__(self, tests: list[str]) -> None:
        self.order = {test: number for number, test in enumerate(tests)}
        self.failed: str | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out and sort."""
        if self.order:
            items[:] = sorted(
                (item for item in items if item.nodeid in self.order),
                key=lambda item: self.order[item.nodeid],
            )
        for item in items:
            function: Any = getattr(item, "obj", None)
            wanted = getattr(function, "_hypothesis_internal_use_settings", None)
            if wanted is not None:
                function._hypothesis_internal_use_settings = hypothesis.settings(
                    wanted, max_examples=min(EXAMPLES, wanted.max_examples), derandomize=True, database=None
                )

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that can't be imported is a test that fails."""
        if report.failed and self.failed is None:
            self.failed = report.nodeid

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the first failure."""
        if report.failed and self.failed is None:
            self.failed = report.nodeid


class Mapped(Chosen):
    """Runs tests, and says which lines each executes, and which those fixtures that several tests share."""

    def __init__(self, measured: coverage.Coverage) -> None:
        super().__init__([])
        self.measured = measured
        self.seconds: dict[str, float] = {}  # of tests and of shared fixtures, each without the others
        self.shared: dict[str, list[str]] = {}  # what each test uses of them
        self.running: list[str] = []
        self.asked = time.process_time()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """What is executed from here on belongs to this test."""
        with self._context(item.nodeid):
            result = yield
        fixtures: dict[str, Any] = item._fixtureinfo.name2fixturedefs  # type: ignore[attr-defined]
        used = {_fixture(fixture) for found in fixtures.values() for fixture in found}
        self.shared[item.nodeid] = sorted(used & self.seconds.keys())
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        """A shared fixture runs in its first test, and belongs to all that use it."""
        if fixturedef.scope == "function":
            return (yield)
        with self._context(_fixture(fixturedef)):
            return (yield)

    @contextlib.contextmanager
    def _context(self, name: str) -> Iterator[None]:
        self._count()
        self.running.append(name)
        self.measured.switch_context(name)
        try:
            yield
        finally:
            self._count()
            self.running.pop()
            if self.running:
                self.measured.switch_context(self.running[-1])

    def _count(self) -> None:
        """The time since it was asked last belongs to what runs."""
        now = time.process_time()
        if self.running:
            name = self.running[-1]
            self.seconds[name] = round(self.seconds.get(name, 0) + now - self.asked, 3)
        self.asked = now


def _fixture(definition: Any) -> str:
    return f"fixture {definition.baseid}::{definition.argname}"


def run_tests(tests: list[str]) -> dict[str, Any]:
    """The first test that fails."""
    chosen = Chosen(tests)
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    status = pytest.main([*PYTEST, "-x", *files], plugins=[chosen])
    return {"killed_by": chosen.failed or (None if status == 0 else f"pytest, with status {status}")}


def run_worlds(worlds: int) -> dict[str, Any]:
    """The first simulated world that breaks a property."""
    from tests.simulation.__main__ import simulate

    for seed in range(worlds):
        if broken := simulate(seed)[1]:
            return {"killed_by": f"tests.simulation --seed {seed}: {broken[0][0]}"}
    return {"killed_by": None}


def run_types(folders: list[str]) -> dict[str, Any]:
    """Mypy's first error, which `make lint` would end with."""
    output, error, status = mypy.api.run(["--no-error-summary", *folders])
    return {"killed_by": f"mypy: {(output or error).splitlines()[0]}" if status else None}


def run_map(tests: list[str]) -> dict[str, Any]:
    """Each test's CPU seconds, and each line's tests."""
    measured = coverage.Coverage(data_file=None, source=[*ROOTS], config_file=False, messages=False)
    mapped = Mapped(measured)
    measured.start()
    status = pytest.main([*PYTEST, *tests], plugins=[mapped])
    measured.stop()
    found: dict[str, dict[str, list[int]]] = {test: {} for test in mapped.shared}
    users: dict[str, list[str]] = {test: [test] for test in mapped.shared}
    for test, fixtures in mapped.shared.items():
        for fixture in fixtures:
            users.setdefault(fixture, []).append(test)
    data = measured.get_data()
    for path in data.measured_files():
        file = str(Path(path).relative_to(Path.cwd()))
        for line, contexts in data.contexts_by_lineno(path).items():
            for test in {test for context in filter(None, contexts) for test in users[context]}:
                found[test].setdefault(file, []).append(line)
    return {
        "failed": mapped.failed if status else None,
        "seconds": {test: mapped.seconds[test] for test in mapped.shared},
        "shared": {
            test: {fixture: mapped.seconds[fixture] for fixture in fixtures}
            for test, fixtures in mapped.shared.items()
        },
        "lines": found,
        "imported": _imported(),
    }


def _imported() -> list[str]:
    """The modules of packages: nothing that a bug is planted in, or that imports it."""
    ours, localcloud = str(Path.cwd()) + "/", str(Path("localcloud").resolve())
    files = [(name, getattr(module, "__file__", None) or "") for name, module in sys.modules.items()]
    return [
        name
        for name, file in files
        if file.endswith((".py", ".so"))
        and (not file.startswith(ours) or "/site-packages/" in file or file.startswith(localcloud))
    ]


def import_all(names: list[str]) -> dict[str, Any]:
    """Import packages, once for all forks."""
    for name in names:
        with contextlib.suppress(ImportError):  # a name that only its importer knows
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # else each fork looks through all of it
    return {}


ORDERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "tests": run_tests,
    "types": run_types,
    "worlds": run_worlds,
    "map": run_map,
}


def carry_out(order: dict[str, Any]) -> dict[str, Any]:
    """The answer to an order, from a fork: one that dies or takes too long is killed by that."""
    seconds = order.get("seconds", 1200)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        signal.alarm(30 + int(seconds * PATIENCE))
        with Path(order.get("log", os.devnull)).open("a") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        (kind,) = ORDERS.keys() & order
        try:
            answer = ORDERS[kind](order[kind])
        except Exception as error:  # noqa: BLE001 # whatever a bug raises is what is asked for
            answer = {"killed_by": f"{kind}: {type(error).__name__}"}
        with os.fdopen(writing, "w") as pipe:
            json.dump(answer, pipe)
        sys.stdout.flush()
        os._exit(0)
    os.close(writing)
    if reading not in select.select([reading, sys.stdin], [], [])[0]:  # nobody waits for the answer any more
        os.killpg(child, signal.SIGKILL)
        sys.exit()
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what a test left running
    return json.loads(text) if text else {"killed_by": "a time-out"}


def _remember_service_models() -> None:
    """Each client of boto3 reads its service's description anew; here it is read once for all forks."""
    read, known = botocore.loaders.JSONFileLoader.load_file, {}

    def load_file(self: Any, file_path: str) -> Any:
        if file_path not in known:
            known[file_path] = read(self, file_path)
        return known[file_path]

    botocore.loaders.JSONFileLoader.load_file = load_file  # type: ignore[method-assign]
    with moto.mock_aws():
        for service in ("s3", "sagemaker", "sns", "sqs", "lambda"):
            boto3.client(service, region_name="us-east-1")
    boto3.DEFAULT_SESSION = None


def main() -> None:
    """Carry out one order after the other."""
    torch.set_num_threads(1)
    _remember_service_models()
    for line in sys.stdin:
        order = json.loads(line)
        answer = import_all(order["import"]) if "import" in order else carry_out(order)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
