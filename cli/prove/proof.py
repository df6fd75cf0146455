"""A whole proof: its links in order, and what it removes and leaves behind."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cli.checks import is_local
from cli.prove import run_links, stack_links, training_links
from cli.prove.batch import forty
from cli.prove.dropped import NEVER, Dropped, batch_name
from cli.prove.links import Link, Pace, Result, Seen, Sight, follow
from cli.prove.training_links import Training
from cli.stack import Stack
from cli.tune import STOP

IN_AWS = Pace(pause=5.0, patience=1.0)
LOCALLY = Pace(pause=0.5, patience=1 / 15)  # the local cloud starts jobs and delivers events at once


@dataclass
class Proof:
    """A batch, a refused one, and perhaps a training, through a stack; `results` are those so far."""

    stack: Stack
    training: Training | None = None
    good: Dropped = field(init=False)
    refused: Dropped = field(init=False)
    results: list[Result] = field(default_factory=list)

    def __post_init__(self) -> None:
        name = batch_name()
        self.good = Dropped(self.stack, name, forty())
        self.refused = Dropped(self.stack, f"{name}-refused")

    def links(self) -> list[Link]:
        """All links: a training comes first, for a new stack has no model without it."""
        upload = Link(
            "upload",
            "the bucket takes images and manifests",
            "ask for s3:PutObject below incoming/",
            0.0,
            self._upload,
        )
        return [
            *(training_links.of_training(self.training) if self.training else ()),
            upload,
            *run_links.of_run(self.good, self.refused),
            *stack_links.around(self.good),
        ]

    def follow(self, news: Callable[[str, str], None]) -> Iterator[Result]:
        """Try the links one after the other."""
        for result in follow(self.links(), LOCALLY if is_local() else IN_AWS, news):
            self.results.append(result)
            yield result

    def _upload(self) -> Sight:
        self.good.drop()
        self.refused.drop_refused()
        return Seen(f"s3://{self.stack.bucket}/incoming/{self.good.batch}/, {len(self.good.images)} images")

    def remove(self) -> list[str]:
        """Remove what nothing needs any more; says what it was. Safe to repeat."""
        images, place = self.good.remove(), f"s3://{self.stack.bucket}/incoming/{self.good.batch}/"
        removed = [f"{images} images below {place}"] if images else []
        return removed + (self.training.remove() if self.training else [])

    def stays(self) -> list[str]:
        """What isn't removed, and why."""
        kept = []
        if self.good.began != NEVER:
            kept = [
                "manifests and runs/: an event that comes twice must find its run",
                "reports/: the list of all runs names them, and the sweep would ask for them again",
                "the SageMaker model: the next batch of its package uses it; it costs nothing",
            ]
        if self.training and self.training.tuning_job:
            kept.append(f"models/{self.training.tuning_job}-final/: its model package names it")
            if self.training.needs_trials():
                kept.append(f"trials/{self.training.tuning_job}/: a final training to come reads one of them")
        return kept

    def goes_on(self) -> list[str]:
        """What runs on without this terminal, unless it has ended: the commands that stop it."""
        running, known = [], {result.name for result in self.results}
        if self.training and self.training.tuning_job and "search" not in known:
            running.append(f"{STOP} {self.training.tuning_job}")
        if "container" not in known and (run := self.good.run()):
            name = f"{self.stack.group}-{run.id}"
            running.append(f"aws sagemaker stop-transform-job --transform-job-name {name}")
        return running


def new_training(stack: Stack, dataset: str) -> Training:
    """A training that hasn't begun."""
    return Training(stack, dataset, datetime.now(UTC))
