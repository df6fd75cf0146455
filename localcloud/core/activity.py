"""What the local cloud reports while it works, so that a command can show it live."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Activity:
    """One thing that the local cloud did.

    kind: "stack" (a resource or stack changed), "event" (an event was routed), "function" (a function was
    invoked), "job" (a SageMaker job started or ended), "denial" (a request that policies don't allow),
    "notification" (something was published to a topic) or "log" (a line that a job or function wrote).
    name: of the stack, rule, function, job, role or topic. text: one line for a person. at: when, in UTC.
    """

    kind: str
    name: str
    text: str
    at: datetime


Listener = Callable[[Activity], None]
