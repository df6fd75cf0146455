"""The content of report.json and of the list of all runs, as docs/report.schema.json describes the former."""

from typing import NotRequired, TypedDict, TypeGuard


class Coverage(TypedDict):
    """Lines of the manifest: expected = scored + unreadable + missing."""

    expected: int
    scored: int
    unreadable: int
    missing: int


class Accuracy(TypedDict):
    """A proportion from 0 to 1 with its 95 % interval."""

    value: float
    low: float
    high: float


class ClassFigures(TypedDict):
    """One label's figures; None where the denominator is zero."""

    label: int
    support: int
    precision: float | None
    recall: float | None
    f1: float | None


class Confusion(TypedDict):
    """Images of one label that were read as one other digit; `share` is of the label's images."""

    label: int
    prediction: int
    images: int
    share: float


class Bin(TypedDict):
    """One bin of the reliability diagram."""

    low: float
    high: float
    images: int
    confidence: float | None
    accuracy: float | None


class Calibration(TypedDict):
    """The reliability diagram and its expected calibration error, 0 to 1."""

    expected_error: float
    bins: list[Bin]


class Mistake(TypedDict):
    """A misread image."""

    image: str
    label: int
    prediction: int
    confidence: float


class Unscored(TypedDict):
    """An image, or a line of the manifest, without a prediction."""

    image: str
    label: int | None
    reason: str


class Model(TypedDict):
    """The model package that run.json froze."""

    package_arn: str
    version: int | None
    training_job: str | None
    artifact_sha256: str | None


class TransformJob(TypedDict):
    """The run's newest transform job; times are UTC, as `2026-11-22T15:40:22Z`."""

    name: str
    status: str
    created: str | None
    started: str | None
    ended: str | None
    instance_type: str
    instance_count: int


class Time(TypedDict):
    """Seconds from the manifest's upload to the job, to its start on instances, and to its end."""

    waiting: float | None
    start_up: float | None
    compute: float | None


class Cost(TypedDict):
    """What the job's instances and its requests for images cost, about."""

    estimate: float
    currency: str
    price_per_hour: float
    instance_hours: float
    requests: int
    requests_estimate: float


class Estimate(TypedDict):
    """The accuracy that is estimated without labels; one that isn't `trusted` has a reason, and no value."""

    value: float | None
    low: float | None
    high: float | None
    method: str
    trusted: bool
    reason: str | None


class Statistic(TypedDict):
    """One comparison with the reference; a decisive one that drifted is why an estimate isn't trusted."""

    name: str
    value: float
    threshold: float
    drifted: bool
    decisive: bool


class DoubtBin(TypedDict):
    """Shares of images whose confidence lacks more than `low` and at most `high` to 1."""

    low: float
    high: float
    expected: float
    found: float


class PredictionShare(TypedDict):
    """Shares of images that were read as one label."""

    label: int
    expected: float
    found: float


class Drift(TypedDict):
    """A batch beside its model's reference."""

    statistics: list[Statistic]
    doubts: list[DoubtBin]
    predictions: list[PredictionShare]


class Report(TypedDict):
    """report.json."""

    schema: str
    batch: str
    run: str
    status: str
    reason: str | None
    reason_code: str | None
    coverage: Coverage
    labelled: int
    accuracy: Accuracy | None
    classes: list[ClassFigures]
    confusion_matrix: list[list[int]]
    confusions: list[Confusion]
    calibration: Calibration | None
    estimate: Estimate | None
    drift: Drift | None
    mistakes: list[Mistake]
    unscored: list[Unscored]
    model: Model | None
    transform_job: TransformJob | None
    time: Time | None
    cost: Cost | None


class _Entry(TypedDict):
    batch: str
    run: str
    status: str
    labelled: int
    scored: int
    expected: int
    model_package: str | None
    model_version: int | None
    transform_job: str | None


class IndexEntry(_Entry):
    """A run's entry in the list of all runs; without an accuracy, all three are None.

    Earlier versions wrote entries without `estimate`.
    """

    accuracy: float | None
    low: float | None
    high: float | None
    estimate: NotRequired[Accuracy | None]  # None where it isn't trusted


class LabelledEntry(_Entry):
    """A run of the list that has an accuracy."""

    accuracy: float
    low: float
    high: float
    estimate: NotRequired[Accuracy | None]


def is_labelled(entry: IndexEntry) -> TypeGuard[LabelledEntry]:
    """Whether a run of the list has an accuracy."""
    return entry["accuracy"] is not None
