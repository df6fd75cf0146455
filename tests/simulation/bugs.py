"""Bugs that were planted: each breaks one property, and the simulator must find it."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import orjson

from batch_prediction.aws import capacity, generations, objects, queues
from batch_prediction.events import AttemptRequested
from batch_prediction.models import announcement as models_announcement
from batch_prediction.models import best_trial, final_training, registration, registry
from batch_prediction.models.artifact import Artifact
from batch_prediction.report import announcement, index, notice, outcomes, pages
from batch_prediction.report import write as report
from batch_prediction.runs import (
    decision,
    existing_report,
    next_action,
    transform_job,
)
from batch_prediction.start import missing_images, run, waiting
from batch_prediction.sweep import looks, overdue, sweep
from tests.simulation.properties import DUPLICATE, LOST, TOO_LATE, WRONG


@dataclass(frozen=True)
class Bug:
    """`owner.name` is replaced by `make(original)`, which violates the property `breaks`."""

    owner: Any
    name: str
    make: Callable[[Any], Any]
    breaks: str

    @contextmanager
    def planted(self) -> Iterator[None]:
        """The bug is in the handlers for as long as the block lasts."""
        original = getattr(self.owner, self.name)
        setattr(self.owner, self.name, self.make(original))
        try:
            yield
        finally:
            setattr(self.owner, self.name, original)


def _believe(original: Any) -> Any:
    """Take the first job for the only one, however it ended."""

    def attempts(*args: Any) -> Any:
        return original(*args)[:1]

    return attempts


def _notify_by_chance(original: Any) -> Any:
    """Leave out the message now and then, as if it came after the commit and a crash between."""

    def notify(sns: Any, settings: Any, run: Any, content: dict[str, Any]) -> None:
        if _chance.random() < 0.5:
            return
        original(sns, settings, run, content)

    return notify


_chance = random.Random(1)  # noqa: S311 (no secret)


def _random_name(original: Any) -> Any:
    """Give each job a new name."""

    def name(chosen: Any, number: int) -> str:
        return f"{original(chosen, number)[:-2]}{_chance.randrange(90) + 10}"

    return name


def _leave_out(name: str) -> Callable[[Any], Any]:
    """Leave out an object now and then, as if it came after the commit and a crash between."""

    def plant(original: Any) -> Any:
        def put(s3: Any, request: dict[str, Any], *content: Any) -> bool:
            left_out = request["Key"].endswith(name) and _chance.random() < 0.2
            return left_out or original(s3, request, *content)

        return put

    return plant


def _write_figures_late(original: Any) -> Any:
    """Leave out model_quality.json now and then."""

    def put_json(s3: Any, bucket: str, key: str, content: Any) -> None:
        if not key.startswith("reports/") or _chance.random() < 0.8:
            original(s3, bucket, key, content)

    return put_json


def _commit_blindly(_original: Any) -> Any:
    """Write the report without a condition."""

    def commit(s3: Any, bucket: str, run: Any, content: dict[str, Any], *_condition: Any) -> bool:
        s3.put_object(Bucket=bucket, Key=run.report, Body=orjson.dumps(content))
        return True

    return commit


def _say_the_time(original: Any) -> Any:
    """Let a report say something that doesn't follow from the run."""

    def compose(*given: Any) -> dict[str, Any]:
        content: dict[str, Any] = original(*given)
        return content | {"time": (content["time"] or {}) and content["time"] | {"waiting": _chance.random()}}

    return compose


def _newest(original: Any) -> Any:
    """Report the newest model instead of the one that was used."""

    def model(decided: Any) -> Any:
        found = original(decided)
        return found and found | {
            "package_arn": "arn:aws:sagemaker:us-east-1:123456789012:model-package/digits/2"
        }

    return model


def _except(detail_type: str) -> Callable[[Any], Any]:
    """Send every message but those of one kind."""

    def plant(original: Any) -> Any:
        def send(sqs: Any, queue_url: str, content: dict[str, Any], *delay: int) -> None:
            if content.get("detail-type") != detail_type:
                original(sqs, queue_url, content, *delay)

        return send

    return plant


def _listed_otherwise(**other: str) -> Callable[[Any], Any]:
    """Ask for the approved packages in another way."""

    def plant(original: Any) -> Any:
        def newest_approved(sagemaker: Any, group: str) -> Any:
            def paginate(**asked: Any) -> Any:
                return sagemaker.get_paginator("list_model_packages").paginate(**asked | other)

            pages = SimpleNamespace(paginate=paginate)
            describe = sagemaker.describe_model_package
            return original(
                SimpleNamespace(get_paginator=lambda _: pages, describe_model_package=describe), group
            )

        return newest_approved

    return plant


def _first_page(original: Any) -> Any:
    """Take the first page of the registry for all of it."""

    def newest_approved(sagemaker: Any, group: str) -> Any:
        first = sagemaker.list_model_packages
        pages = SimpleNamespace(paginate=lambda **asked: [first(**asked)])
        describe = sagemaker.describe_model_package
        return original(
            SimpleNamespace(get_paginator=lambda _: pages, describe_model_package=describe), group
        )

    return newest_approved


def _since_now(original: Any) -> Any:
    """Forget since when a message waits, but not for what."""
    return lambda message: dict.fromkeys(original(message), message.received)


def _late_is_new(original: Any) -> Any:
    """Take a message that comes two hours late for a redriven one, as when many are before it."""

    def since(message: Any) -> dict[str, float]:
        found: dict[str, float] = original(message)
        return {} if message.received > message.sent + 2 * 3600 else found

    return since


def _limits_are_one(original: Any) -> Any:
    """Give every wait the longest limit."""
    return lambda settings: dict.fromkeys(original(settings), max(original(settings).values()))


def _swap_the_last(original: Any) -> Any:
    """Take the last two arguments for each other."""
    return lambda *given: original(*given[:-2], given[-1], given[-2])


def _always(value: Any) -> Callable[[Any], Any]:
    """Give the same answer to every call."""
    return lambda _original: lambda *_args, **_options: value


def _but_for(function: str) -> Callable[[Any], Any]:
    """Invoke every function but one."""

    def plant(original: Any) -> Any:
        def invoke(lambda_: Any, invoked: str, event: Any) -> None:
            if invoked != function:
                original(lambda_, invoked, event)

        return invoke

    return plant


def _no_gap(*_given: Any) -> Iterator[str]:
    """All images are there."""
    return iter(())


_EVERY_TIME = tuple(overdue.PERIOD * number for number in range(4 * 5))  # for five hours

BUGS = {
    "the sweep does nothing": Bug(sweep, "overdue", _always([]), LOST),
    "a waiting run isn't sent again": Bug(waiting, "send_again", _always(30), LOST),
    "a retry isn't asked for": Bug(queues, "send", _except(AttemptRequested.REQUESTED), LOST),
    "job names are random": Bug(transform_job, "attempt_name", _random_name, DUPLICATE),
    "every failure is attempted again": Bug(next_action, "SERVICE_FAULT_PREFIX", lambda _: "", DUPLICATE),
    "no failure is attempted again": Bug(
        next_action, "SERVICE_FAULT_PREFIX", lambda _: "no such reason", WRONG
    ),
    "the first job is believed": Bug(transform_job, "describe_attempts", _believe, WRONG),
    "a report is written again and again": Bug(existing_report, "attempts", _always(-1), WRONG),
    "Completed is taken for success": Bug(outcomes, "outcome", lambda _: _by_status, WRONG),
    "people are notified by chance": Bug(announcement, "notify_people", _notify_by_chance, WRONG),
    "predictions.csv isn't there before the commit": Bug(
        generations, "put", _leave_out("predictions.csv"), WRONG
    ),
    "report.html isn't there before the commit": Bug(generations, "put", _leave_out("report.html"), WRONG),
    "the page of all runs is forgotten": Bug(generations, "put", _leave_out("index.html"), WRONG),
    "model_quality.json isn't there before the commit": Bug(objects, "put_json", _write_figures_late, WRONG),
    "a page has another batch's coverage": Bug(pages, "page", lambda _: _page_of_nothing, WRONG),
    "the newest model is named": Bug(report, "_model", _newest, WRONG),
    "the oldest approved model reads": Bug(
        registry, "newest_approved", _listed_otherwise(SortOrder="Ascending"), WRONG
    ),
    "the first page of the registry is all of it": Bug(registry, "newest_approved", _first_page, WRONG),
    "floor and tolerance are swapped": Bug(registration, "approval", _swap_the_last, WRONG),
    "images aren't waited for": Bug(missing_images, "find", _always(None), WRONG),
    "a missing image isn't a gap": Bug(missing_images, "_gaps", lambda _: _no_gap, WRONG),
    "a notice that a run waits takes its report's place": Bug(notice, "GENERATION", lambda _: 9, WRONG),
    "the sweep asks every time": Bug(overdue, "MARKS", lambda _: _EVERY_TIME, WRONG),
    "the sweep doesn't go on": Bug(looks, "invoke_later", _but_for("digits-sweep"), LOST),
    "a decision is taken twice": Bug(decision, "take", lambda _: _take_again, WRONG),
    "a report is committed without a condition": Bug(report, "_commit", _commit_blindly, WRONG),
    "a report says what the time is": Bug(report, "compose", _say_the_time, WRONG),
    "the sweep is blind to trainings": Bug(looks, "at_training", _always(()), LOST),
    "a wait begins anew at each look": Bug(waiting, "_since", _always({}), TOO_LATE),
    "since when it waits is overwritten": Bug(waiting, "_since", _since_now, TOO_LATE),
    "what comes late is a new attempt": Bug(waiting, "_since", _late_is_new, TOO_LATE),
    "capacity isn't waited for": Bug(run, "_is_over", _always(True), WRONG),
    "a look comes long after the limit": Bug(waiting, "delay", _always(900), TOO_LATE),
    "images are waited for as long as capacity": Bug(waiting, "limits", _limits_are_one, TOO_LATE),
    "no instances are a failure like others": Bug(
        capacity, "FAILURE_PREFIX", lambda _: "no such reason", WRONG
    ),
    "instances aren't waited for": Bug(capacity.Shortage, "lasted", _always(1e9), WRONG),
    "no pause after a job without instances": Bug(capacity, "_MOST_PAUSE", lambda _: 0.0, DUPLICATE),
    "a wait for instances begins anew": Bug(report, "_another_attempt", lambda _: _since_now_on, TOO_LATE),
    "the sweep is blind to searches": Bug(looks, "at_tuning", _always(()), LOST),
    "nobody is notified of a model": Bug(models_announcement, "announce", _always(None), LOST),
    "SageMaker's metrics are all that there are": Bug(Artifact, "metrics", lambda _: {}, WRONG),
    "a trial that is worse is followed": Bug(best_trial, "standard_error", _always(1.0), WRONG),
    "an attempt follows a trial of its own": Bug(
        final_training, "Trial", lambda _: lambda *_given: best_trial.Trial("another", {}), WRONG
    ),
    "giving up isn't written down": Bug(decision, "give_up", _always(None), LOST),
}


# Found where deliveries take turns (test_turns.py): in random worlds two attempts of a run seldom meet.
TURNS = {
    "generations aren't compared": Bug(generations, "look", lambda _: _look_at_etag, WRONG),
    "generations are written without a condition": Bug(
        objects, "put_if_unchanged", lambda original: _condition_reports_alone(original), WRONG
    ),
    "an overtaken delivery drops its report": Bug(report, "_commit", lambda _: _commit_or_drop, WRONG),
    "the list takes the entry that comes last": Bug(index, "_order", _always((0, 0.0)), WRONG),
}


def _page_of_nothing(run: Any, content: Any, shown: Any) -> bytes:
    """The page of a report in which nothing was scored."""
    nothing = content["coverage"] | {"scored": 0}
    return _page(run, content | {"coverage": nothing}, shown)


_page = pages.page


def _since_now_on(run: Any, _shortage: Any) -> Any:
    """Let a run without instances wait from now on."""
    now = vars(report)["time"]()
    return AttemptRequested.message_of_waiting(run, now, now)


def _look_at_etag(s3: Any, bucket: str, key: str) -> generations.Existing:
    """Take every object for the earliest generation."""
    return generations.Existing(-1, _look(s3, bucket, key).etag)


_look = generations.look


def _condition_reports_alone(original: Any) -> Any:
    """Write pages and tables over whatever is there by now."""

    def put(s3: Any, request: dict[str, Any], etag: str | None) -> Any:
        if request["Key"].endswith(".json"):
            return original(s3, request, etag)
        return s3.put_object(**request)["ETag"]

    return put


def _commit_or_drop(
    s3: Any, bucket: str, run: Any, content: dict[str, Any], etag: str | None, _attempts: int
) -> bool:
    """Leave whatever report there is by now."""
    body = objects.to_json(content)
    return bool(objects.put_if_unchanged(s3, {"Bucket": bucket, "Key": run.report, "Body": body}, etag))


def _by_status(state: Any, _tally: Any) -> outcomes.Outcome:
    """SageMaker's status, without counting the predictions."""
    if not state.jobs:
        why = state.gave_up or state.decision
        return outcomes.Outcome("GaveUp" if state.gave_up else "Refused", why.reason, why.reason_code)
    job = state.jobs[-1]
    return outcomes.Outcome(job["TransformJobStatus"], job.get("FailureReason"))


def _take_again(s3: Any, bucket: str, run: Any, taken: Any) -> Any:
    """Write the decision over the one that exists."""
    s3.put_object(Bucket=bucket, Key=run.decision, Body=b"{}")
    objects.put_if_absent(s3, bucket, run.decision + "-", b"{}")
    return taken
