"""Start the run of an uploaded manifest: write its input, decide once, and follow the decision."""

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from botocore.exceptions import ClientError

from batch_prediction import layout
from batch_prediction.aws import capacity, errors, queues
from batch_prediction.aws.clients import Clients
from batch_prediction.events import CAPACITY, IMAGES, AttemptRequested, ManifestUploaded, RunEnded
from batch_prediction.layout import Run
from batch_prediction.models import registry
from batch_prediction.runs import decision, state, transform_job
from batch_prediction.runs.cost import price_per_hour
from batch_prediction.runs.decision import Decision, GiveUp, Refuse, Start
from batch_prediction.runs.next_action import AwaitJob, StartAttempt, WriteReport
from batch_prediction.runs.reason_codes import ReasonCode
from batch_prediction.settings import Settings
from batch_prediction.start import missing_images, transform_input, turn, waiting
from batch_prediction.start.waiting import StillWaiting, WaitTimes

if TYPE_CHECKING:
    from batch_prediction.aws.types import S3Client, SageMakerClient


IMAGES_A_SECOND = 10_000  # for each so many, a second is between two looks for all images of a manifest


class Counts(TypedDict):
    """What both kinds of decision say of the manifest's lines."""

    lines: int
    labelled: int
    left_out: int
    bad_labels: int


class Decided(NamedTuple):
    """A run, and the decision about it, which has been followed as far as it can be."""

    run: Run
    decision: Decision


def start_run(
    aws: Clients,
    settings: Settings,
    request: ManifestUploaded | AttemptRequested,
    waited: WaitTimes = WaitTimes(),  # noqa: B008 (frozen)
) -> Decided | StillWaiting:
    """Start a run's next transform job, or send it to its report when it gets none. Safe to repeat.

    StillWaiting when images are missing, or a service is busy, and the run hasn't waited long enough for it.
    """
    run: Run | None = None
    try:
        if isinstance(request, AttemptRequested):
            run, decided = request.run, decision.must_read(aws.s3, settings.bucket, request.run)
        else:
            run = _run(aws.s3, request)
            taken = decision.read(aws.s3, settings.bucket, run)
            found = taken or _decide(aws, settings, run, request, waited)
            if isinstance(found, StillWaiting):
                return replace(found, run=run)
            decided = found
        if still := _follow(aws, settings, run, decided, waited):
            return replace(still, run=run)
    except ClientError as error:
        if not errors.is_busy(error) or _is_over(settings, waited):
            raise
        return StillWaiting(CAPACITY, str(error), run=run)
    return Decided(run, decided)


def _run(s3: "S3Client", upload: ManifestUploaded) -> Run:
    batch = layout.upload(upload.key).batch
    head = s3.head_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version)
    return Run.of_manifest(batch, upload.key, upload.version, head["LastModified"])


def _is_over(settings: Settings, waited: WaitTimes) -> bool:
    """Whether the run has waited for capacity as long as it may."""
    return waited.capacity >= waiting.limits(settings)[CAPACITY]


def _decide(
    aws: Clients, settings: Settings, run: Run, upload: ManifestUploaded, waited: WaitTimes
) -> Decision | StillWaiting:
    """Take the decision about a run whose images exist, or whose wait for them is over."""
    place = upload.bucket, upload.key, upload.version
    if waited.images < waiting.limits(settings)[IMAGES]:
        if waited.only_for and not missing_images.has_arrived(aws.s3, upload.bucket, waited.only_for):
            return StillWaiting(IMAGES, _absent(upload.bucket, waited.only_for))
        missing = missing_images.find(aws.s3, *place, settings.max_images)
        if missing is not None:
            pause = float(missing.expected // IMAGES_A_SECOND)
            return StillWaiting(IMAGES, _absent(upload.bucket, missing.first), pause=pause, missing=missing)
    written = transform_input.write(
        aws.s3, upload.bucket, run, upload.key, upload.version, settings.max_images
    )
    found = replace(_decision_about(aws, settings, run, written), manifest=upload.key, read_as=written.how)
    return decision.take(aws.s3, settings.bucket, run, found)


def _absent(bucket: str, key: str) -> str:
    return f"s3://{bucket}/{key} isn't there"


def _decision_about(
    aws: Clients, settings: Settings, run: Run, written: transform_input.TransformInput
) -> Decision:
    counts: Counts = {
        "lines": written.lines,
        "labelled": written.labelled,
        "left_out": written.left_out,
        "bad_labels": written.bad_labels,
    }
    if written.problem:
        return Refuse(**counts, reason=written.problem.reason, reason_code=written.problem.code)
    package = registry.newest_approved(aws.sagemaker, settings.name)
    if package is None:
        return Refuse(
            **counts,
            reason=f"the model package group {settings.name} has no approved package: "
            "approve one, then upload the manifest again",
            reason_code=ReasonCode.NO_APPROVED_MODEL,
        )
    return Start(
        **counts,
        model_package=package.arn,
        training_job=package.training_job,
        artifact_sha256=package.artifact_sha256,
        model=transform_job.model_name(settings, package.arn),
        role=settings.sagemaker_role_arn,
        environment=transform_job.environment(settings),
        transform_job=transform_job.job_name(settings, run),
        instance_type=settings.transform_instance_type,
        instance_count=transform_job.instance_count(settings, written.lines),
        price_per_hour=price_per_hour(settings.transform_instance_type, settings.transform_price_per_hour),
        digests=written.digests,
        slices=written.slices,
        unsliced=written.unsliced,
        requests=written.requests,
        stack=settings.name,
        kms_key_arn=settings.kms_key_arn,
        subnet_ids=settings.subnet_ids,
        security_group_ids=settings.security_group_ids,
        image=package.image,
        image_digest=package.image_digest,
    )


def _follow(
    aws: Clients, settings: Settings, run: Run, decided: Decision, waited: WaitTimes
) -> StillWaiting | None:
    """Do what a decided run needs next: start its next transform job, or ask for its report.

    StillWaiting when it isn't the run's turn, or AWS had no instances for its last job.
    """
    why: GiveUp | None = None
    try:
        match state.read(aws, settings.bucket, run, decided).next_action:
            case StartAttempt() as wanted:
                outcome = _start_when_due(aws, settings, run, wanted, waited)
                if not isinstance(outcome, GiveUp):
                    return outcome
                why = outcome
            case AwaitJob() | WriteReport(unannounced=False):
                return None
            case WriteReport():
                pass
    except ClientError as error:
        if not (errors.is_busy(error) and _is_over(settings, waited)):
            raise
        why = _waited_too_long(error, waited)
    if why is not None:  # outside the block: that this can't be written is no reason of its own
        decision.give_up(aws.s3, settings.bucket, run, why)
    queues.send(aws.sqs, settings.report_queue_url, RunEnded.message(run))
    return None


def _start_when_due(
    aws: Clients, settings: Settings, run: Run, wanted: StartAttempt, waited: WaitTimes
) -> GiveUp | StillWaiting | None:
    """Start a transform job; one after others that found no instances when its pause is over, if ever.

    Such a run has waited since the first of those jobs at least, whatever message asks for the next one.
    """
    if shortage := wanted.shortage:
        waited = replace(waited, capacity=max(waited.capacity, shortage.lasted(waited.at)))
        if _is_over(settings, waited):
            return GiveUp(capacity.given_up(waited.capacity), ReasonCode.NO_CAPACITY)
        if waited.at < shortage.due:
            pause = shortage.due - waited.at
            return StillWaiting(CAPACITY, shortage.reason, in_turn=False, pause=pause)
    return _start_in_turn(aws, settings, run, wanted.decision, wanted.number, waited)


def _start_in_turn(
    aws: Clients, settings: Settings, run: Run, decided: Start, number: int, waited: WaitTimes
) -> GiveUp | StillWaiting | None:
    """Start a transform job when it is the run's turn; why it isn't or can't be started, or None when it was.

    A run whose wait is over asks a last time, and is no longer in line.
    """
    if _is_over(settings, waited):
        return _start_attempt(aws.sagemaker, settings.bucket, run, decided, number)
    line = turn.line(aws.s3, settings.bucket, decided, waited.at)
    if not line.is_turn_of(run, waited):
        return StillWaiting(CAPACITY, "runs that have waited longer go first", in_turn=False)
    try:
        outcome = _start_attempt(aws.sagemaker, settings.bucket, run, decided, number)
    except ClientError as error:
        if errors.code(error) == errors.QUOTA_EXCEEDED:
            line.refused(aws.s3, run, waited)
        raise
    line.leave(aws.s3, run)
    return outcome


def _start_attempt(
    sagemaker: "SageMakerClient", bucket: str, run: Run, decided: Start, number: int
) -> GiveUp | None:
    """Start a transform job; why it can never be started, or None when it was."""
    if why := _withdrawn(sagemaker, decided):
        return why
    if refused := transform_job.start(sagemaker, bucket, run, decided, number):
        return GiveUp(f"{refused}, then upload the manifest again", ReasonCode.REQUEST_REFUSED)
    return None


def _withdrawn(sagemaker: "SageMakerClient", decided: Start) -> GiveUp | None:
    """Why the model package that was chosen can't be used any more; None when it can."""
    package = registry.find(sagemaker, decided.model_package)
    if package and package.status == "Approved":
        return None
    now = package.status if package else "deleted"
    return GiveUp(
        f"the model package {decided.model_package} was Approved when it was chosen and is {now} now: "
        "upload the manifest again to read it with the newest approved package",
        ReasonCode.MODEL_WITHDRAWN,
    )


def _waited_too_long(error: ClientError, waited: WaitTimes) -> GiveUp:
    """Why a run is given up for which AWS was too busy for all of WaitForCapacityHours."""
    return GiveUp(
        f"{capacity.given_up(waited.capacity)}; AWS last answered: {error}",
        ReasonCode.QUOTA if errors.code(error) == errors.QUOTA_EXCEEDED else ReasonCode.THROTTLED,
    )
