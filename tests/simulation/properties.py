"""The properties of a world at its end, judged by what happened in it, not by its reports."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from batch_prediction import layout
from batch_prediction.aws import generations
from batch_prediction.events import CAPACITY
from batch_prediction.layout import INDEX, INDEX_PAGE, Run
from batch_prediction.models import final_training
from batch_prediction.runs.next_action import MAX_ATTEMPTS
from batch_prediction.runs.reason_codes import ReasonCode
from tests.settings_and_events import SETTINGS
from tests.simulation.agreement import disagreements, disagreements_of_index
from tests.simulation.registry import APPROVED, PENDING
from tests.simulation.services import BUCKET
from tests.simulation.training import FINAL_ACCURACY, NO_INSTANCES
from tests.simulation.world import DEPTH, EPOCH, POISON, SLOW, Upload, World

LOST, DUPLICATE, WRONG, TOO_LATE = "lost", "duplicate job", "wrong report", "too late"
_NO_CAPACITY = (ReasonCode.QUOTA, ReasonCode.THROTTLED, ReasonCode.NO_CAPACITY)
_PAUSE = 900  # seconds at least, between a job without instances and the next one
_MARKS = (
    0,
    15,
    30,
    60,
    120,
    240,
    480,
    960,
    1920,
    3840,
)  # minutes after its end, when the sweep looks at a job


def violations(world: World) -> list[tuple[str, str]]:
    """The violated properties (lost, duplicate job, wrong report or too late), with details."""
    found: list[tuple[str, str]] = []
    for upload in world.uploads:
        jobs = world.jobs(upload.run)
        found += [(DUPLICATE, text) for text in _duplicates(world, upload, jobs)]
        found += [(TOO_LATE, text) for text in _asked_too_late(world, jobs)]
        body = world.s3.content(upload.run.report)
        if body is None:
            found.append((LOST, f"{upload.run.prefix}: no report; jobs {jobs}"))
        else:
            found += [(WRONG, f"{upload.run.prefix}: {text}") for text in _wrong(world, upload, jobs, body)]
    for run in world.forgotten:
        reason = (_report(world, run) or {}).get("reason_code")
        if reason != ReasonCode.NO_MANIFEST:
            found.append((LOST, f"{run.report_prefix}: nobody was told that there is no manifest: {reason}"))
    found += [
        (LOST, f"{name}: neither a model nor a failure record")
        for name in world.sagemaker.tunings
        if not world.followed(f"{name}-final")
    ]
    for name in world.sagemaker.tunings:
        found += list(_wrong_finals(world, name))
    registered = Counter(
        package["ClientToken"] for package in world.sagemaker.packages.values() if "ClientToken" in package
    )
    found += [
        (LOST, f"{arn}: nobody was notified of it")
        for arn, package in world.sagemaker.packages.items()
        if "ClientToken" in package and not any(f"{arn}\n" in text for text in world.sns.published)
    ]
    found += [(DUPLICATE, f"package {token}") for token, number in registered.items() if number > 1]
    found += [
        (WRONG, text) for text in (*world.contradictions, *_wrong_approvals(world), *_wrong_index(world))
    ]
    found += [(TOO_LATE, text) for text in world.too_late]
    if world.endless:
        found.append((LOST, "something goes on for ever"))
    stays = [handle for handle in world.dead if world.messages[handle].body != POISON] + world.abandoned
    found += [(WRONG, f"{handle} stays in a dead-letter queue") for handle in stays]
    return found


def _report(world: World, run: Run) -> dict[str, Any] | None:
    report: dict[str, Any] | None = json.loads(world.s3.content(run.report) or b"null")
    return report


def _wrong_approvals(world: World) -> list[str]:
    """A model is approved if it isn't worse, by more than the tolerance, than the newest approved one."""
    registry, wrong = world.sagemaker, []
    for arn, package in registry.packages.items():
        if "ClientToken" not in package:
            continue
        created, status = registry.history[arn][0]
        before = registry.newest_approved_within(created - timedelta(seconds=SLOW * DEPTH), created, arn)
        if status not in {APPROVED if _may_follow(registry.metadata, other) else PENDING for other in before}:
            wrong.append(f"{arn} was registered as {status}, the newest approved was one of {before}")
    return wrong


def _may_follow(metadata: dict[str, dict[str, str]], approved: str | None) -> bool:
    """Whether a final training's model is approved after a package; None: there is no approved one."""
    if approved is None:
        return True
    accuracy = metadata[approved].get("validation_accuracy")
    return accuracy is not None and float(accuracy) - SETTINGS.accuracy_tolerance <= FINAL_ACCURACY


def _wrong_index(world: World) -> list[str]:
    """Objects below reports/ that belong to no run, and a list of all runs that contradicts the reports."""
    runs = [*(upload.run for upload in world.uploads), *world.forgotten]
    prefixes = tuple(run.report_prefix for run in runs)
    wrong = [
        f"{key}: of no run"
        for key in world.s3.versions
        if key.startswith("reports/") and not key.startswith((*prefixes, INDEX, INDEX_PAGE))
    ]
    listed = json.loads(world.s3.content(INDEX) or b'{"runs": []}')["runs"]
    reports = [_report(world, run) for run in runs]
    expected = sorted(
        (report["batch"], report["run"], report["status"], (report["transform_job"] or {}).get("name"))
        for report in reports
        if report
    )
    found = sorted((run["batch"], run["run"], run["status"], run["transform_job"]) for run in listed)
    wrong += disagreements_of_index(world.s3)
    return wrong if found == expected else [*wrong, f"{INDEX} lists {found}, expected {expected}"]


def _duplicates(world: World, upload: Upload, jobs: list[str]) -> list[str]:
    """Jobs that should not have been paid for: more than one, unless the service failed the one before.

    One for which it had no instances is followed by another, after a pause, as often as its limit lets it.
    """
    lacked = [bool(world.without_instances([name])) for name in jobs]
    failed = [lacked[number] or _failed_by_the_service(world, name) for number, name in enumerate(jobs)]
    if jobs and not all(failed[:-1]):
        return [f"{upload.run.prefix}: {jobs} although not each but the last was failed by the service"]
    described = [world.sagemaker.jobs[name] for name in jobs]
    if hasty := _hasty(lacked, [(job["CreationTime"], job.get("TransformEndTime")) for job in described]):
        return [f"{upload.run.prefix}: {jobs[hasty]} {_PAUSE} s after one without instances"]
    return [f"{upload.run.prefix}: {len(jobs)} jobs"] if lacked.count(False) > MAX_ATTEMPTS else []


def _hasty(lacked: list[bool], times: list[tuple[Any, Any]]) -> int | None:
    """Which job, of some that began and ended then, came too soon after one without instances."""
    for number in range(1, len(times)):
        if lacked[number - 1] and (times[number][0] - times[number - 1][1]).total_seconds() < _PAUSE - 1:
            return number
    return None


def _asked_too_late(world: World, jobs: list[str]) -> list[str]:
    """Jobs for which a run asked after it had waited for instances for as long as it may."""
    late = []
    for number, name in enumerate(jobs):
        if lacking := world.without_instances(jobs[:number]):
            since = world.sagemaker.jobs[lacking[0]]["CreationTime"].timestamp() - EPOCH
            waited = world.sagemaker.asked[name] - since
            late += [f"{name} after {waited:.0f} s"] if waited >= world.limits()[CAPACITY] + 1 else []
    return late


def _wrong_finals(world: World, tuning: str) -> Iterator[tuple[str, str]]:
    """Attempts at a final training that come too soon, too late or after one that had its instances."""
    names = world.finals(f"{tuning}-final")
    jobs = [world.sagemaker.trainings[name] for name in names]
    lacked = [job.get("FailureReason") == NO_INSTANCES for job in jobs]
    if not all(lacked[:-1]):
        yield DUPLICATE, f"{names} although not each but the last found no instances"
        return
    followed = {job["Environment"][final_training.BEST_TRIAL] for job in jobs}
    near = [trial["TrainingJobName"] for trial in world.sagemaker.trials[tuning][:2]]
    if len(followed) > 1 or not followed <= set(near):
        yield WRONG, f"{names} follow {followed}, expected one of {near}"
    for name, job in zip(names, jobs, strict=True):
        sources = {
            channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
            for channel in job["InputDataConfig"]
        }
        (trial,) = followed if len(followed) == 1 else ("another",)
        if sources.get("trial") != f"s3://{BUCKET}/trials/{tuning}/{trial}/output/":
            yield WRONG, f"{name}: the channel trial is {sources.get('trial')}, and follows {trial}"
    hasty = _hasty(lacked, [(job["CreationTime"], job.get("TrainingEndTime")) for job in jobs])
    if hasty:
        yield DUPLICATE, f"{names[hasty]} soon after one without instances"
    limit = world.limits()[CAPACITY]
    waited = (jobs[-1]["CreationTime"] - jobs[0]["CreationTime"]).total_seconds() if jobs else 0
    if waited >= limit + SLOW * DEPTH:
        yield TOO_LATE, f"{names[-1]} after {waited:.0f} s"
    failures = world.s3.versions.get(layout.tuning_failure(tuning), [])
    for _, _, time in failures if jobs else []:
        if (time - jobs[0]["CreationTime"]).total_seconds() < limit - 1 or not lacked[-1]:
            yield WRONG, f"{names[-1]} was given up after {time - jobs[0]['CreationTime']}"


def _looks(world: World, upload: Upload, jobs: list[str]) -> int:
    """How often the sweep may have looked at a run's jobs until the run had its report."""
    reported = world.s3.versions[upload.run.report][-1][2]
    ended = [job for name in jobs if "TransformEndTime" in (job := world.sagemaker.jobs[name])]
    return sum(
        job["TransformEndTime"] + timedelta(minutes=mark) <= reported for job in ended for mark in _MARKS
    )


def _failed_by_the_service(world: World, name: str) -> bool:
    return str(world.sagemaker.jobs[name].get("FailureReason", "")).startswith("InternalServerError")


def _wrong(world: World, upload: Upload, jobs: list[str], body: bytes) -> list[str]:
    """Where a report contradicts what happened."""
    report = json.loads(body)
    coverage, expected = report["coverage"], len(upload.images) + upload.refused
    wrong = []
    if coverage["expected"] != expected or coverage["expected"] != sum(coverage.values()) - expected:
        wrong.append(f"coverage {coverage} of {expected}")
    if not any(f"s3://{BUCKET}/{upload.run.report}" in text for text in world.sns.published):
        wrong.append("never announced")
    # Only a report that gave up is replaced, by that of a job which another delivery had started.
    reports = 1 + (world.s3.content(upload.run.gave_up) is not None)
    if (versions := len(world.s3.versions[upload.run.report])) > reports:
        wrong.append(f"written {versions} times")
    wrong += [
        f"{key}: not the same bytes each time"
        for key in world.s3.versions
        if key.startswith(upload.run.report_prefix)
        and len({body for body, is_notice in _bodies(world, key) if not is_notice}) > reports
    ]
    order = [is_notice for _, is_notice in _bodies(world, upload.run.page)]
    if order != sorted(order, reverse=True):
        wrong.append("a notice that the run waits took the place of its page")
    asked = sum(run == upload.run.id for run, _ in world.asked)
    if asked > (looks := _looks(world, upload, jobs)):
        wrong.append(f"asked for {asked} times by the sweep, expected {looks} at most")
    wrong += _started_too_early(world, upload) + _gave_up_too_early(world, upload)
    wrong += disagreements(world.s3, upload.run)
    wrong += _read_with_another_package(world, upload)
    if not jobs:
        return wrong + _wrong_without_job(world, upload, report)
    return wrong + _wrong_with_job(world, upload, report, jobs)


def _bodies(world: World, key: str) -> list[tuple[bytes, bool]]:
    """An object's versions, and whether each is a notice that the run waits."""
    before_all = str(generations.NONE)
    return [
        (body, world.s3.metadata[key, version].get("generation") == before_all)
        for version, body, _ in world.s3.versions.get(key, [])
    ]


def _started_too_early(world: World, upload: Upload) -> list[str]:
    """A run is decided when its images exist, or after it has waited for them."""
    decided = world.s3.versions[upload.run.decision]
    seconds = decided[0][2].timestamp() - EPOCH
    waited = seconds - (upload.time.timestamp() - EPOCH) >= world.settings["wait_for_images_minutes"] * 60 - 1
    there = all(world.arrived.get(image, seconds + 9) <= seconds + 1 for image in upload.images)
    wrong = [] if waited or there else ["decided before its images were there"]
    return wrong if len(decided) == 1 else [*wrong, f"decided {len(decided)} times"]


def _read_with_another_package(world: World, upload: Upload) -> list[str]:
    """A run is read with the newest package that was approved when it was decided; without one it isn't.

    A handler chooses before it decides, and may be overtaken in between.
    """
    _, body, decided = world.s3.versions[upload.run.decision][0]
    decision = json.loads(body)
    if decision.get("reason_code") not in (None, ReasonCode.NO_APPROVED_MODEL):
        return []
    chosen = decision.get("model_package")
    right = world.sagemaker.newest_approved_within(decided - timedelta(seconds=SLOW * DEPTH), decided)
    return [] if chosen in right else [f"decided for {chosen}, the newest approved was one of {right}"]


def _gave_up_too_early(world: World, upload: Upload) -> list[str]:
    """A run isn't given up for want of capacity before it has existed for so long."""
    for _, body, time in world.s3.versions.get(upload.run.gave_up, []):
        existed = (time - upload.time).total_seconds()
        if json.loads(body)["reason_code"] in _NO_CAPACITY and existed < world.limits()[CAPACITY] - 1:
            return [f"given up after {existed:.0f} s"]
    return []


def _wrong_without_job(world: World, upload: Upload, report: dict[str, Any]) -> list[str]:
    decision = json.loads(world.s3.content(upload.run.decision) or b"{}")
    gave_up = world.s3.content(upload.run.gave_up)
    if decision["decision"] == "refuse":
        good = report["status"] == "Refused" and report["reason"] == decision["reason"]
    else:
        good = report["status"] == "GaveUp" and gave_up and report["reason"] == json.loads(gave_up)["reason"]
    figures = report["accuracy"] or report["coverage"]["scored"] or report["model"] is not None
    if figures and decision["decision"] == "refuse":
        good = False
    return (
        [] if good and not report["accuracy"] else [f"{report['status']} without a job: {report['reason']}"]
    )


def _wrong_with_job(world: World, upload: Upload, report: dict[str, Any], jobs: list[str]) -> list[str]:
    """The report is about the last job, its model, and what its container answered."""
    name = jobs[-1]
    job = world.sagemaker.jobs[name]
    wrong = []
    if (report["transform_job"] or {}).get("name") != name:
        return [f"about {report['transform_job']}, the last of {jobs} is {name}"]
    used = world.sagemaker.models[job["ModelName"]]["PrimaryContainer"]["ModelPackageName"]
    if report["model"]["package_arn"] != used:
        wrong.append(f"names {report['model']['package_arn']}, the job used {used}")
    lacking = bool(world.without_instances(jobs))
    had_instances = sum(not world.without_instances([each]) for each in jobs)
    worth_another = lacking or (_failed_by_the_service(world, name) and had_instances < MAX_ATTEMPTS)
    if worth_another and not world.s3.content(upload.run.gave_up):
        wrong.append("the service failed the job, and it was not retried")
    whole = job["TransformJobStatus"] == "Completed" and name not in world.sagemaker.broken
    expected = job["TransformJobStatus"] if whole or job["TransformJobStatus"] != "Completed" else "Failed"
    if report["status"] != expected:
        wrong.append(f"{report['status']}, expected {expected}")
    if job.get("FailureReason", "") not in (report["reason"] or ""):
        wrong.append(f"reason {report['reason']}, expected {job['FailureReason']}")
    answers = [answer["SageMakerOutput"] for answer in world.sagemaker.answers.get(name, [])]
    scored = sum("label" in answer for answer in answers) if whole else 0
    unreadable = sum(answer.get("error", "missing") != "missing" for answer in answers) if whole else 0
    coverage = report["coverage"]
    if (coverage["scored"], coverage["unreadable"]) != (scored, unreadable + upload.refused):
        wrong.append(f"coverage {coverage}, scored were {scored}, unreadable {unreadable} + {upload.refused}")
    if sum(map(sum, report["confusion_matrix"])) != scored or bool(report["accuracy"]) != bool(scored):
        wrong.append(f"figures over {report['confusion_matrix']}, scored were {scored}")
    return wrong + _wrong_table(world, upload, scored)


def _wrong_table(world: World, upload: Upload, scored: int) -> list[str]:
    table = (world.s3.content(upload.run.predictions) or b"").decode()
    rows = list(csv.DictReader(io.StringIO(table, newline="")))
    images = Counter(re.sub(rf"^s3://{BUCKET}/", "", row["image"]) for row in rows)
    named = Counter(upload.images) + Counter({"broken": upload.refused} if upload.refused else {})
    if images != named or sum(bool(row["prediction"]) for row in rows) != scored:
        return [f"predictions.csv has {dict(images)}, expected {dict(named)} with {scored} predictions"]
    return []
