"""The content of report.json and of the list of all runs, as docs/report.schema.json describes the former."""

from typing import NotRequired, TypedDict, TypeGuard


class Coverage(TypedDict):
    """Lines of the manifest: expected = scored + unreadable + missing."""

    expected: int
    scored: int
    unreadable: int
    missing: int


class Interval(TypedDict):
    """A figure with its 95 % interval."""

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
    precision_interval: Interval | None
    recall_interval: Interval | None


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
    low: float
    high: float
    if_calibrated: float
    bins: list[Bin]


class Agreement(TypedDict):
    """Figures over all classes; kappa is None where one label and one prediction are all there is."""

    macro_f1: Interval
    balanced_accuracy: Interval
    cohens_kappa: Interval | None


class ProperScores(TypedDict):
    """What the ten probabilities are worth; the first two are None for a single image."""

    log_loss: Interval | None
    brier_score: Interval | None
    top_2_accuracy: Interval


class ClassRanking(TypedDict):
    """One digit against the rest; None where there is no image of it, or no other."""

    label: int
    auc: Interval | None
    average_precision: Interval | None


class Ranking(TypedDict):
    """How well each digit's probability ranks its images above all others, and the means over the digits."""

    auc: Interval
    average_precision: Interval
    classes: list[ClassRanking]


class RiskPoint(TypedDict):
    """The images with a confidence above a threshold: their share of all, and of them the wrong ones'."""

    threshold: float
    coverage: float
    risk: float
    low: float
    high: float


class OperatingPoint(TypedDict):
    """The lowest threshold whose accepted images reach a target, if one does; `least` is what it takes."""

    target: float
    least: int
    threshold: float | None
    coverage: Interval | None
    accuracy: Interval | None


class RiskCoverage(TypedDict):
    """What is gained by leaving the least confident images to a person."""

    augrc: Interval
    curve: list[RiskPoint]
    targets: list[OperatingPoint]


class LabelMix(TypedDict):
    """The test of the labels' shares against those of training."""

    chi_squared: float
    degrees_of_freedom: int
    p_value: float
    effect: float


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


class LabelProblem(TypedDict):
    """A line of the manifest whose label isn't used, though its image is scored: its number and beginning."""

    line: int
    text: str
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
    saved: NotRequired[float]  # by an archive; earlier versions read none


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


class Suspect(TypedDict):
    """An image whose label is probably wrong, and the probability of the label and of the suggestion."""

    image: str
    label: int
    suggested: int
    label_probability: float
    suggested_probability: float


class SuspectedLabels(TypedDict):
    """Labels that are probably wrong: how many, the accuracy without these images, and the first of them.

    Not `complete` where there were so many misread images that not all were looked at.
    """

    images: int
    complete: bool
    accuracy_without: Interval | None
    shown: list[Suspect]


class Slice(TypedDict):
    """The images with one value of a manifest's field; the difference is from all other labelled images."""

    field: str
    value: str
    images: int
    labelled: int
    accuracy: Interval | None
    difference: float | None
    stands_out: bool


class FieldLeftOut(TypedDict):
    """A field of the manifest that doesn't divide the batch, and why."""

    field: str
    reason: str


class Slices(TypedDict):
    """The batch by the values of its manifest's other fields, the lowest accuracy first."""

    values: list[Slice]
    left_out: list[FieldLeftOut]


class Report(TypedDict):
    """report.json."""

    schema: str
    batch: str
    run: str
    manifest: str | None
    read_as: str | None
    status: str
    reason: str | None
    reason_code: str | None
    coverage: Coverage
    labelled: int
    bad_labels: int
    accuracy: Interval | None
    classes: list[ClassFigures]
    confusion_matrix: list[list[int]]
    confusions: list[Confusion]
    calibration: Calibration | None
    estimate: Estimate | None
    drift: Drift | None
    agreement: Agreement | None
    proper_scores: ProperScores | None
    ranking: Ranking | None
    risk_coverage: RiskCoverage | None
    label_mix: LabelMix | None
    smallest_difference: float | None
    unknown: dict[str, str]
    suspected_labels: SuspectedLabels | None
    slices: Slices | None
    mistakes: list[Mistake]
    unscored: list[Unscored]
    label_problems: list[LabelProblem]
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
    estimate: NotRequired[Interval | None]  # None where it isn't trusted


class LabelledEntry(_Entry):
    """A run of the list that has an accuracy."""

    accuracy: float
    low: float
    high: float
    estimate: NotRequired[Interval | None]


def is_labelled(entry: IndexEntry) -> TypeGuard[LabelledEntry]:
    """Whether a run of the list has an accuracy."""
    return entry["accuracy"] is not None
