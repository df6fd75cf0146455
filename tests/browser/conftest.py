"""Every kind of page, written by the product over moto, and a headless Chromium to open it with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws
from playwright.sync_api import Browser, sync_playwright

from batch_prediction.aws.clients import Clients
from batch_prediction.layout import INDEX_PAGE
from batch_prediction.runs.reason_codes import ReasonCode
from tests.browser.chromium import MISSING, program
from tests.sample_runs import Sample, guesses, report_of
from tests.settings_and_events import BUCKET, use_moto_account
from tests.stack import png
from training.datasets import sample

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'{{7*7}}&lt;\u202ereversed"
# Off: what Chromium does at start-up by default, such as looking for updates and probing the network.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
ACCURACIES = ((0.962, 1), (0.958, 1), (0.965, 1), (0.981, 2), (0.979, 2), (0.984, 2), (0.99, 3), (0.9935, 3))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, or the one that CHROMIUM names."""
    found = program()
    if not found:
        pytest.fail(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages by name, each next to the other files of its report."""
    out = tmp_path_factory.mktemp("bucket")
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        use_moto_account(patch)
        aws = Clients()
        aws.s3.create_bucket(Bucket=BUCKET)
        keys = {name: _report(aws, sample) for name, sample in _samples().items()}
        for entry in aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="reports/")["Contents"]:
            file = out / _safe(entry["Key"])
            file.parent.mkdir(parents=True, exist_ok=True)
            aws.s3.download_file(BUCKET, entry["Key"], str(file))
    return {name: out / _safe(key) for name, key in keys.items()} | {"index": out / INDEX_PAGE}


def _report(aws: Clients, sample: Sample) -> str:
    report_of(aws, sample)
    return sample.run.page


def _samples() -> dict[str, Sample]:
    """A history of good runs, and then one run of each other kind."""
    batch = sample(seed=0).batch
    labels = batch.labels.tolist()
    found = {
        f"history-{number}": Sample(
            ("autumn", "letters/2026-11", "forms-b")[number % 3],
            guesses(labels, accuracy, number),
            number=number,
            version=version,
        )
        for number, (accuracy, version) in enumerate(ACCURACIES)
    }
    answers = guesses(labels, 0.958, seed=99)
    images = {
        f"{number:05d}.png": png(batch, number)
        for number, (label, answer) in enumerate(answers)
        if answer["label"] != label
    }
    broken = sorted(images)
    images[broken[0]] = b"GIF89a" + b"\0" * 40
    del images[broken[1]]
    answers[5] = (answers[5][0], {"error": "missing"})
    answers[17] = (answers[17][0], {"error": "not an image: b'<html><body>'"})
    answers[30] = (None, answers[30][1])
    line = {
        "line": 1001,
        "text": '{"file_name": "../1.png"}',
        "reason": "expected a key without `..` segments",
    }
    few = guesses(labels[:40], 0.9, seed=1)
    hostile = [f"{number}{HOSTILE}.png" for number in range(len(few))]
    return found | {
        "mixed": Sample("winter-forms", answers, images, left_out=[line], number=20, version=3),
        "perfect": Sample(
            "perfect", [(label, {"label": label, "confidence": 1.0}) for label in labels], number=21
        ),
        "refused": Sample(
            "too-early",
            few,
            number=22,
            refused="the group digits has no approved package",
            code=ReasonCode.NO_APPROVED_MODEL,
        ),
        "failed": Sample("failing", few, number=23, status="Failed", reason="AlgorithmError: See job logs"),
        "hostile": Sample(
            HOSTILE, few, names=hostile, number=24, left_out=[{"line": 9, "text": HOSTILE, "reason": HOSTILE}]
        ),
        "plain": Sample("plain", few, number=25, left_out=[{"line": 9, "text": "plain", "reason": "plain"}]),
    }


def _safe(key: str) -> str:
    """A key as the path of a file: the hostile batch's name contains slashes that don't separate folders."""
    return key.replace(HOSTILE, "hostile")
