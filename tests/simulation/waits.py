"""How long a run has really waited, by when its messages came, whatever is written in them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from batch_prediction.events import CAPACITY, IMAGES

ROUNDING = 1.0  # seconds: a delay is a whole number of them, and at least one


@dataclass
class Waits:
    """What a world knows of the waiting of a message and of those before it, which were sent again."""

    since: dict[str, float] = field(default_factory=dict)  # cause → the delivery with which it began
    delay: float = 0.0  # with which it was sent
    judged: bool = True  # unless a function died between sending a message and saying what it waits for
    certain: bool = True  # unless that has happened to any before it

    def sent_again(self, delay: float) -> "Waits":
        """Of the message that a run which waits on is sent as."""
        return Waits(dict(self.since), delay, judged=False, certain=self.certain and self.judged)

    def redriven(self) -> "Waits":
        """Of a message that a person redrives: a new attempt, as far as capacity is concerned."""
        since = {cause: at for cause, at in self.since.items() if cause != CAPACITY}
        return Waits(since, certain=self.certain and self.judged)

    def begin(self, cause: str, at: float) -> None:
        """A delivery at this time waits for this; what looks for images isn't refused capacity."""
        self.since.setdefault(cause, at)
        if cause == IMAGES:
            self.since.pop(CAPACITY, None)
        self.judged = True

    def too_late(self, cause: str, at: float, said: float, limit: float) -> Iterator[str]:
        """Where a run that waits on since a delivery at this time should have ended, or says another time."""
        if not self.certain:
            return
        waited = at - self.since[cause]
        if waited + self.delay >= limit + 2 * ROUNDING:
            yield f"waits for {cause} after {waited:.0f} of {limit:.0f} s, and for {self.delay:.0f} s more"
        if abs(said - waited) > ROUNDING:
            yield f"waits for {cause} for {waited:.0f} s, and says {said:.0f}"
