"""What a transform job has written, compared with the batch: pure functions over its output's bytes."""

import json
from collections import Counter
from typing import Any

from batch_prediction.layout import output_name
from cli.prove.batch import GOOD, Entry
from cli.prove.links import Broken, Seen, Sight, Waiting

OUTPUT = output_name(0)
READ_RIGHT = GOOD // 2  # a model in use reads nearly all of them; answers in another order, about three


def layout(outputs: dict[str, bytes], expected: int) -> Sight:
    """Whether there is one output, with a line for each line of the input, each ended by a line feed.

    AWS's guide and its API reference disagree on the key, and blank lines may be added
    (https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html): what was found is shown.
    """
    if not outputs:
        return Waiting("no object below the attempt's prefix")
    if len(outputs) > 1 or not all(name.endswith(OUTPUT) for name in outputs):
        return Broken(", ".join(sorted(outputs)))
    ((name, body),) = outputs.items()
    *ended, rest = body.split(b"\n")
    if rest:
        return Broken(f"{name}, whose last line ends without a line feed: {rest[:80]!r}")
    if body.count(b"\r"):
        return Broken(f"{name}, with {body.count(chr(13).encode())} carriage returns")
    blank = sum(not line for line in ended)
    if len(ended) - blank != expected:
        return Broken(f"{name}, {len(ended) - blank} lines and {blank} blank ones")
    return Seen(f"{name}, {expected} lines, each ended by a line feed{f', {blank} blank' if blank else ''}")


def order(outputs: dict[str, bytes], entries: list[Entry]) -> Sight:
    """Whether each line has the answer to its own image: its label, or what is wrong with it."""
    sent = [entry for entry in entries if entry.body is not None]
    answered = [_answer(line) for body in outputs.values() for line in body.split(b"\n") if line.strip()]
    for entry, (image, answer) in zip(sent, answered, strict=True):
        if not image.endswith(f"/{entry.name}"):
            return Broken(f"{image} where {entry.name} was sent")
        error = answer.get("error", "")
        if bool(error) != bool(entry.error) or not error.startswith(entry.error):
            return Broken(f"{entry.name} has the answer {json.dumps(answer, ensure_ascii=False)}")
    right = sum(answer.get("label") == entry.label for entry, (_, answer) in zip(sent, answered, strict=True))
    if right < READ_RIGHT:
        return Broken(f"{right} of {GOOD} digits with their own label")
    errors = sum(bool(entry.error) for entry in sent)
    return Seen(f"{right} of {GOOD} digits with their own label, {errors} errors at their own images")


def _answer(line: bytes) -> tuple[str, dict[str, Any]]:
    """The image and the answer of a joined line; empty where the line has none."""
    try:
        joined = json.loads(line)
        return str(joined["image"]["source-ref"]), dict(joined["SageMakerOutput"])
    except (ValueError, TypeError, KeyError):
        return repr(line[:80]), {}


def counts(coverage: dict[str, int], status: str, entries: list[Entry]) -> Sight:
    """Whether the report counts what was sent."""
    kinds = Counter("unreadable" if entry.error else "scored" for entry in entries)
    expected = {"expected": len(entries), "scored": kinds["scored"], "unreadable": kinds["unreadable"]}
    found = ", ".join(f"{count} {name}" for name, count in coverage.items())
    if status == "Completed" and coverage == expected | {"missing": 0}:
        return Seen(f"{status}: {found}")
    return Broken(f"{status}: {found}")
