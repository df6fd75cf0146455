"""A link of the way: what has to be seen, and following one link after the other until one is broken."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from botocore.exceptions import BotoCoreError, ClientError

from batch_prediction.aws.errors import code

# How AWS's services say that a person lacks a permission.
_DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "403"}


@dataclass(frozen=True)
class Seen:
    """The link holds: the evidence."""

    found: str


@dataclass(frozen=True)
class Broken:
    """The link doesn't hold, and won't: what was found instead; `advice` where it differs from the link's."""

    found: str
    advice: str = ""


@dataclass(frozen=True)
class Waiting:
    """The evidence isn't there yet: what there is."""

    found: str


@dataclass(frozen=True)
class Unprovable:
    """The link can't be proven here, and nothing after it depends on it."""

    why: str


Sight = Seen | Broken | Waiting | Unprovable


@dataclass(frozen=True)
class Link:
    """One link: `look` is repeated for `patience` seconds, until it sees the link hold or broken."""

    name: str
    expected: str
    advice: str
    patience: float
    look: Callable[[], Sight]


class Mark(Enum):
    """What is known of a link."""

    HOLDS = "✓"
    BROKEN = "✗"
    NOT_TRIED = "–"


@dataclass(frozen=True)
class Result:
    """What was found out about a link; `advice` is empty unless it is broken."""

    name: str
    mark: Mark
    found: str
    expected: str
    advice: str = ""


@dataclass(frozen=True)
class Pace:
    """How often to look, in seconds, and by what to multiply every link's patience."""

    pause: float
    patience: float


def follow(links: Iterable[Link], pace: Pace, news: Callable[[str, str], None]) -> Iterator[Result]:
    """Each link's result, in order; behind a broken one nothing is tried. `news` gets name and text."""
    broken = ""
    for link in links:
        if broken:
            result = Result(link.name, Mark.NOT_TRIED, f"needs {broken}", link.expected)
        else:
            result = _try(link, pace, news)
        if result.mark is Mark.BROKEN:
            broken = link.name
        yield result


def _try(link: Link, pace: Pace, news: Callable[[str, str], None]) -> Result:
    patience = link.patience * pace.patience
    deadline = time.monotonic() + patience
    while True:
        sight = _look(link)
        match sight:
            case Seen(found):
                return Result(link.name, Mark.HOLDS, found, link.expected)
            case Unprovable(why):
                return Result(link.name, Mark.NOT_TRIED, why, link.expected)
            case Broken(found, advice):
                return Result(link.name, Mark.BROKEN, found, link.expected, advice or link.advice)
            case Waiting(found):
                news(link.name, found)
        if time.monotonic() >= deadline:
            found = f"after {patience:.0f} s: {sight.found}"
            return Result(link.name, Mark.BROKEN, found, link.expected, link.advice)
        time.sleep(pace.pause)


def _look(link: Link) -> Sight:
    """One look; an error of AWS's is news, unless it says that this person may not look."""
    try:
        return link.look()
    except ClientError as error:
        if code(error) in _DENIED:
            return Broken(str(error), "docs/operations.md lists the permissions of `digits prove`")
        return Waiting(str(error))
    except BotoCoreError as error:  # no connection
        return Waiting(str(error))
