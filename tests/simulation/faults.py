"""What goes wrong with a request: drawn from a seed, or planned for one call site."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.request_recorder import OPERATIONS, TRANSFERS, CallPath, Recording, call_path

THROTTLED, FAILED, LIMITED = "throttled", "failed", "limited"  # refused, without effect
TIMED_OUT, ANSWER_LOST = "timed out", "answer lost"  # without effect, and with it
REPEATED = "repeated"  # the SDK's second request, after the answer to a first that took effect was lost
CRASH_BEFORE, CRASH_AFTER = "crash before", "crash after"
OVERTAKEN = "overtaken"  # another delivery runs from its beginning to its end before this request
KINDS = (THROTTLED, FAILED, TIMED_OUT, ANSWER_LOST, REPEATED, CRASH_BEFORE, CRASH_AFTER, OVERTAKEN)
CRASHES = {CRASH_BEFORE, CRASH_AFTER}
RATE = 0.08  # of all requests
SWEPT = ("list_transform_jobs", "list_hyper_parameter_tuning_jobs", "list_training_jobs")
SWEPT_RATE = 0.01  # of those of which a sweep makes dozens
HANDLERS = Path(__file__).parents[2] / "functions"


class CrashError(BaseException):
    """The function's sandbox was killed: no more of the handler runs."""


def refusal(operation: str, code: str, status: int, text: str = "simulated") -> ClientError:
    """An error as botocore raises it."""
    answer: Any = {
        "Error": {"Code": code, "Message": text},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, operation)


def raise_for(kind: str, operation: str) -> None:
    """Raise a fault's error, if the handler sees one."""
    match kind:
        case "throttled":
            raise refusal(operation, "ThrottlingException", 400)
        case "failed":
            raise refusal(operation, "InternalFailure", 500)
        case "limited":
            raise refusal(operation, "ResourceLimitExceeded", 400)
        case "timed out" | "answer lost":
            raise ReadTimeoutError(endpoint_url="https://simulated")
        case "crash before" | "crash after":
            raise CrashError


@dataclass
class Faults:
    """The faults of one world. `counts` are those that have happened, by kind."""

    draw: random.Random
    rate: float = RATE
    plan: tuple[CallPath, str] | None = None  # one fault, at the first request from one call site
    active: bool = True
    counts: Counter[str] = field(default_factory=Counter)
    visited: Recording = field(default_factory=Recording)
    paths: set[CallPath] = field(default_factory=set)

    def strike(self, operation: str) -> str | None:
        """The fault of a request, if it gets one."""
        if self.plan is not None:
            return self._planned(operation)
        rate = min(self.rate, SWEPT_RATE) if operation in SWEPT else self.rate
        if not self.active or self.draw.random() >= rate:
            return None
        kind = self.draw.choice(KINDS)
        if operation == "create_transform_job" and kind == THROTTLED:
            kind = self.draw.choice((THROTTLED, LIMITED))
        return kind

    def happen(self, name: str, chance: float) -> bool:
        """Whether something else goes wrong: an event that gets lost, a job that fails."""
        if self.plan is not None or not self.active or not self.rate or self.draw.random() >= chance:
            return False
        self.counts[name] += 1
        return True

    def _planned(self, operation: str) -> str | None:
        name = operation if operation in TRANSFERS else OPERATIONS[operation]
        self.visited.visit(name)
        path = call_path(name)
        first = path not in self.paths
        self.paths.add(path)
        assert self.plan is not None
        return self.plan[1] if first and path == self.plan[0] else None


def request(faults: Faults, operation: str, effect: Callable[[], Any], overtake: Callable[[], bool]) -> Any:
    """Make a request: its effect and its answer, as changed by a fault."""
    kind = faults.strike(operation)
    if kind is None:
        return effect()
    if kind == OVERTAKEN:
        faults.counts[kind] += overtake()
        return effect()
    faults.counts[kind] += 1
    if kind in (ANSWER_LOST, CRASH_AFTER, REPEATED):
        try:
            answer = effect()
        except ClientError:
            if kind != CRASH_AFTER:
                raise
        else:
            if kind == REPEATED:
                return effect() if _may_repeat(operation) else answer
    raise_for(kind, operation)
    return None


def _may_repeat(operation: str) -> bool:
    """Whether a request can be sent twice: a stream that was read can't."""
    return operation not in TRANSFERS
