"""Read a transform job's joined output, one part after the other, into counts and the table of all images."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import IO, NamedTuple

import orjson

from batch_prediction.archives.member import Reference
from batch_prediction.figures.doubts import Doubts
from batch_prediction.figures.label_errors import LabelErrors, Labelled, Misread
from batch_prediction.figures.scores import Scores
from batch_prediction.figures.slices import SliceCount
from batch_prediction.labels import CONFIDENCE_UNIT, LABELS
from batch_prediction.layout import image_address
from batch_prediction.report.failures import Failures
from batch_prediction.runs.parts import digest

COLUMNS = ("image", "label", "prediction", "confidence", "second", "second_confidence", "error")
MISSING = "missing"  # the container's word for an object that doesn't exist
NO_ANSWER = "no prediction: the transform job gave no usable output for this part of the batch"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet would run

_SUM_TOLERANCE = 0.01  # of ten rounded probabilities

MAX_PLACES = 100_000  # misread members of an archive whose places are kept: about 50 MB
SHOWN = 100  # mistakes, images without a prediction, and labels that aren't used, that a report lists

Pair = tuple[int | None, int]  # label or None, prediction
Mistake = tuple[float, str, int, int]  # confidence, image, label, prediction
Shares = Sequence[float]  # the probability of each label
SliceName = tuple[str, str]  # a field of the manifest, a value
LabelProblem = tuple[int, str, str]  # the manifest line's number, its text, why its label isn't used
Unscored = tuple[str, int | None, str]  # image (or the manifest line's text), label or None, reason
_TEXT = {None: ""} | {label: str(label) for label in LABELS}
_PAIR_TEXT = {(label, prediction): f"{_TEXT[label]},{prediction}" for label in _TEXT for prediction in LABELS}


@dataclass
class Tally:
    """What was counted: `pairs` of (label or None, prediction), images `unreadable` and `missing`.

    `right` and `wrong` count the labelled images by confidence, in ten-thousandths. Of images that have the
    probability of each label, too, `doubts` counts all, `scores` and `label_errors` those with a label.
    `slices` count the values of the manifest's other fields. `mistakes` are the most confident wrong ones,
    `unscored` the first without a prediction, `label_problems` the first labels that aren't used, SHOWN of
    each at most; `failures` are the reasons of all that have none. `places` are the references of misread
    images in an archive, by address, of the first MAX_PLACES of them. `problem` is the first part that could
    not be used, with what was expected and found.
    """

    pairs: Counter[Pair] = field(default_factory=Counter)
    right: Counter[int] = field(default_factory=Counter)
    wrong: Counter[int] = field(default_factory=Counter)
    mistakes: list[Mistake] = field(default_factory=list)
    unscored: list[Unscored] = field(default_factory=list)
    label_problems: list[LabelProblem] = field(default_factory=list)
    failures: Failures = field(default_factory=Failures)
    unreadable: int = 0
    missing: int = 0
    doubts: Doubts = field(default_factory=Doubts)
    scores: Scores = field(default_factory=Scores)
    label_errors: LabelErrors = field(default_factory=LabelErrors)
    slices: dict[SliceName, SliceCount] = field(default_factory=lambda: defaultdict(SliceCount))
    places: dict[str, Reference] = field(default_factory=dict)
    problem: str | None = None

    @property
    def scored(self) -> int:
        """Images with a prediction."""
        return self.pairs.total()

    @property
    def labelled(self) -> int:
        """Images with a prediction and a label."""
        return self.right.total() + self.wrong.total()

    @property
    def all_have_probabilities(self) -> bool:
        """Whether each labelled image has the probability of each label: of an earlier artifact none has."""
        return self.scores.images == self.labelled

    @property
    def matrix(self) -> list[list[int]]:
        """The confusion matrix of the labelled images: rows are labels, columns predictions."""
        return [[self.pairs[label, prediction] for prediction in LABELS] for label in LABELS]

    def add(self, part: "_Part", size: int) -> None:
        """Count a part of `size` lines, whole and usable."""
        self.pairs.update(part.pairs)
        self.right.update(part.right)
        self.doubts.add(part.doubted)
        self.scores.add(part.labelled)
        self.label_errors.add(part.labelled, part.misread)
        for name, labelled, right in part.slices:
            count = self.slices[name]
            count.images += 1
            count.labelled += labelled
            count.right += right
        if len(self.places) < MAX_PLACES:
            self.places |= part.places
        self.missing += part.missing
        self.unreadable += size - part.pairs.total() - part.missing
        self.unscored += part.unscored[: SHOWN - len(self.unscored)]
        counts = Counter(reason for _, _, reason in part.unscored)
        examples = {reason: image for image, _, reason in reversed(part.unscored)}
        for reason, images in counts.items():
            self.failures.add(reason, examples[reason], images)
        self.wrong.update([_in_units(mistake[0]) for mistake in part.mistakes])
        floor = self.mistakes[-1][0] if len(self.mistakes) == SHOWN else -1
        if more_confident := [mistake for mistake in part.mistakes if mistake[0] > floor]:
            # The sort is stable: among equal confidences, the first in the manifest comes first.
            self.mistakes = sorted([*self.mistakes, *more_confident], key=itemgetter(0), reverse=True)[:SHOWN]


class _Part(NamedTuple):
    """What one usable part gave: its rows of the table, and what a Tally counts of it."""

    images: list[str]
    rows: list[str]
    pairs: Counter[Pair]
    doubted: list[tuple[int, float]]  # prediction and confidence, of those with probabilities
    labelled: list[Labelled]  # label and probabilities of each image that has both
    misread: list[Misread]  # those of them that were read as another digit
    slices: list[tuple[SliceName, bool, bool]]  # of each scored image; whether it has a label, and is right
    right: list[int]
    mistakes: list[Mistake]
    places: dict[str, Reference]  # of mistakes in an archive
    unscored: list[Unscored]
    missing: int


class BrokenPartError(ValueError):
    """An output that isn't the input with an answer on every line."""


def tabulate(
    sizes: Iterable[int],
    output: Callable[[int], bytes | None],
    given: Callable[[int], bytes],
    left_out: Iterable[bytes],
    table: IO[str],
    digests: Sequence[str] | None = None,
    fields: Collection[str] = (),
) -> Tally:
    """Count every part and write one row an image; in memory, one part at a time.

    `sizes` are the lines of each part, `output(part)` gives its joined output, None or a BrokenPartError,
    `given(part)` its input, `left_out` the lines of left_out.jsonl, `digests` those of each part's images,
    which expose an output in another order, `fields` those of the manifest that divide the batch. A part
    without a usable output is missing as a whole.
    """
    tally = Tally()
    table.write(",".join(COLUMNS) + "\n")
    for part, size in enumerate(sizes):
        try:
            answers = _answers(part, size, output(part), fields)
            if digests:
                _check_places(part, answers.images, digests[part], given)
        except BrokenPartError as error:
            tally.problem = tally.problem or str(error)
            tally.missing += size
            unanswered = [
                (_image(line["image"]), line.get("label"))
                for line in map(orjson.loads, given(part).splitlines())
            ]
            table.writelines(_unscored(*each, NO_ANSWER) for each in unanswered)
            tally.failures.add(NO_ANSWER, unanswered[0][0], size)
            continue
        tally.add(answers, size)
        table.write("".join(answers.rows))
    for line in left_out:
        refused = orjson.loads(line)
        if refused.get("kind") == "label":  # its image is scored, and has its row
            if len(tally.label_problems) < SHOWN:
                tally.label_problems.append((refused["line"], refused["text"], refused["reason"]))
            continue
        tally.unreadable += 1
        text, reason = escape_formula(refused["text"]), refused["reason"]
        tally.failures.add(reason, text)
        if refused["line"] is not None:  # a member of an archive has none
            reason = f"line {refused['line']}: {reason}"
        table.write(_unscored(text, None, reason))
        if len(tally.unscored) < SHOWN:
            tally.unscored.append((text, None, reason))
    return tally


def escape_formula(text: str) -> str:
    """Text that no spreadsheet takes for a formula (https://owasp.org/www-community/attacks/CSV_Injection)."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _answers(part: int, size: int, body: bytes | None, fields: Collection[str]) -> _Part:
    """Read one part's joined output.

    BrokenPartError unless every line has an answer. The rows aren't left to `csv.writer`, which would take as
    long as all the rest: text is always quoted, as RFC 4180 allows, and numbers never need it.
    """
    name = f"output part {part}"
    if body is None:
        raise BrokenPartError(f"{name}: expected {size} lines, found no object")
    # AssembleWith Line adds a newline, and AWS doesn't say whether after an answer that ends in one, too:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformOutput.html
    # A part may travel as several requests, so an empty line after a record, any record, means nothing. At
    # the beginning, or after another empty one, it is a line without its record.
    lines = body.replace(b"\n\n", b"\n").removesuffix(b"\n").split(b"\n") if body else []
    if len(lines) != size:
        raise BrokenPartError(f"{name}: expected {size} lines, found {len(lines)}")
    escaped = b"\\" in body  # in JSON, a quote in a text has a backslash before it, or is one's \u0022
    images: list[str] = []
    rows: list[str] = []
    pairs: list[Pair] = []
    doubted: list[tuple[int, float]] = []
    labelled: list[Labelled] = []
    misread: list[Misread] = []
    slices: list[tuple[SliceName, bool, bool]] = []
    right: list[int] = []
    mistakes: list[Mistake] = []
    places: dict[str, Reference] = {}
    unscored: list[Unscored] = []
    absent = 0
    for line in lines:
        try:
            record = orjson.loads(line)
            answer, label = record["SageMakerOutput"], record.get("label")
            reference = record["image"]
            image = reference["source-ref"]
            if "member" in reference:
                image = image_address(image, reference["member"])
            images.append(image)
            if "error" in answer:
                reason = escape_formula(answer["error"])
                rows.append(_unscored(image, label, reason))
                absent += answer["error"] == MISSING
                unscored.append((image, label, reason))
            else:
                prediction, confidence = answer["label"], _confidence(answer["confidence"])
                pair, shares = (label, prediction), answer.get("probabilities")
                pairs.append(pair)
                if shares is not None:
                    doubted.append((prediction, confidence))
                    if label is not None:
                        labelled.append((label, shares))
                quoted = image.replace('"', '""') if escaped else image
                second = _second(shares, prediction, confidence)
                rows.append(f'"{quoted}",{_PAIR_TEXT.get(pair)},{confidence},{second},\n')
                if fields and "fields" in record:
                    found = record["fields"].items()
                    slices += [
                        (name, label is not None, label == prediction) for name in found if name[0] in fields
                    ]
                if label == prediction:
                    right.append(_in_units(confidence))
                elif label is not None:
                    mistakes.append((confidence, image, label, prediction))
                    if "member" in reference:
                        places[image] = reference
                    if shares is not None:
                        misread.append((image, label, shares))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            shown = line[:400].decode(errors="replace")
            raise BrokenPartError(
                f"{name}, line {len(rows) + 1}: expected the input with SageMakerOutput (label, confidence "
                f"and the ten probabilities, or error), found {shown!r}"
            ) from error
    counted = Counter(pairs)
    for label, prediction in counted:
        if type(prediction) is not int or prediction not in LABELS or label not in (None, *LABELS):
            raise BrokenPartError(
                f"{name}: expected digits, found label {label!r} and prediction {prediction!r}"
            )
    return _Part(
        images, rows, counted, doubted, labelled, misread, slices, right, mistakes, places, unscored, absent
    )


def _check_places(part: int, images: list[str], expected: str, given: Callable[[int], bytes]) -> None:
    """BrokenPartError, which names the first line, for an output whose images aren't those of its input."""
    try:
        if digest(images) == expected:
            return
    except TypeError:  # an image that isn't text
        pass
    wanted = (_image(orjson.loads(line)["image"]) for line in given(part).splitlines())
    for number, (image, found) in enumerate(zip(wanted, images, strict=False), start=1):
        if image != found:
            raise BrokenPartError(
                f"output part {part}, line {number}: expected the answer to {image}, found that to {found!r}"
            )
    raise BrokenPartError(f"output part {part}: expected the digest {expected} of its images, found another")


def _image(reference: Reference) -> str:
    """What an image is called whose reference start_transform wrote."""
    source: str = reference["source-ref"]
    return image_address(source, reference["member"]) if "member" in reference else source


def _unscored(image: str, label: int | None, error: str) -> str:
    """The row of an image without a prediction; KeyError for an invalid label."""
    return f"{_quoted(image)},{_TEXT[label]},,,,,{_quoted(error)}\n"


def _confidence(number: object) -> float:
    """A confidence; ValueError for what isn't a number from 0 to 1."""
    if isinstance(number, bool) or not isinstance(number, float | int) or not 0 <= number <= 1:
        raise ValueError(f"expected a confidence from 0 to 1, found {number!r}")
    return float(number)


def _in_units(confidence: float) -> int:
    """A confidence in ten-thousandths."""
    return round(confidence * CONFIDENCE_UNIT)


def _second(shares: Shares | None, prediction: int, confidence: float) -> str:
    """The second most probable label and its probability, as two cells; both empty without probabilities.

    Unless the probabilities are ten that add up to about 1, and the prediction's is the largest and the
    confidence: ValueError, TypeError or LookupError.
    """
    if shares is None:
        return ","
    others = list(shares)
    others[prediction] = -1.0
    second = max(others)
    if (
        len(others) != len(LABELS)
        or not (shares[prediction] == confidence >= second)
        or min(shares) < 0
        or abs(sum(shares) - 1) > _SUM_TOLERANCE
    ):
        raise ValueError(f"expected the probabilities of ten labels, found {shares!r}")
    return f"{others.index(second)},{second}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
