"""A transform job's input and its joined output, line by line."""

import json
from typing import Any


def given_line(number: int, label: int | None) -> dict[str, Any]:
    """One line of the transform job's input."""
    labelled = {} if label is None else {"label": label}
    return {"image": {"source-ref": f"s3://bucket/incoming/b7/{number}.png"}, **labelled}


def body(lines: list[dict[str, Any]]) -> bytes:
    """Lines as an object holds them."""
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def joined(part: list[dict[str, Any]], answers: list[dict[str, Any]]) -> bytes:
    """A part's output: its input with an answer on every line."""
    return body([{**line, "SageMakerOutput": answer} for line, answer in zip(part, answers, strict=True)])


def answer(label: int, confidence: float, second: int | None = None) -> dict[str, Any]:
    """A prediction as the container writes it; `second` is by default the next label."""
    second = (label + 1) % 10 if second is None else second
    rest = (1 - confidence) / 10
    shares = [rest] * 10
    shares[label], shares[second] = confidence, 2 * rest
    return {"label": label, "confidence": confidence, "probabilities": shares}
