"""The benchmarks, over few lines: they do the product's work, and say what they found. Nothing is timed."""

import csv
import json
from dataclasses import asdict
from typing import Any

import pytest
from PIL import Image

import inference
from batch_prediction.layout import INDEX
from batch_prediction.manifests.records import LeftOut
from batch_prediction.manifests.text import MAX_LINE
from batch_prediction.report import write as report
from benchmarks import (
    handler_imports,
    index_size,
    inference_overhead,
    measuring,
    refused_lines,
    report_speed,
    start_speed,
)
from benchmarks.sample_settings import SETTINGS
from model import IMAGE_SIZE
from pixels import decode

LINES = 2_500


def test_the_report_that_is_measured_is_a_whole_one() -> None:
    """Coverage, accuracy and the table of all images are those of the lines that were prepared."""
    aws: Any = report_speed.prepare(LINES)
    assert report.write_report(aws, SETTINGS, report_speed.RUN)
    lines = [json.loads(line) for line in report_speed.output_lines(LINES)]
    scored = [line for line in lines if "label" in line["SageMakerOutput"]]
    right = sum(line["label"] == line["SageMakerOutput"]["label"] for line in scored)
    written = json.loads(aws.s3.objects[report_speed.RUN.report])
    assert written["status"] == "Completed"
    assert written["coverage"] == {
        "expected": LINES + 2,
        "scored": len(scored),
        "unreadable": 2,
        "missing": LINES - len(scored),
    }
    assert written["accuracy"]["value"] == right / len(scored)
    page = aws.s3.objects[report_speed.RUN.page].decode()
    named = [*written["mistakes"], *written["suspected_labels"]["shown"]]
    assert len(written["mistakes"]) == len(written["suspected_labels"]["shown"]) == 100
    assert page.count("data:image/png;base64,") == len({each["image"] for each in named})
    table = list(csv.DictReader(aws.s3.objects[report_speed.RUN.predictions].decode().splitlines()))
    assert [row["image"] for row in table[:LINES]] == [line["image"]["source-ref"] for line in lines]
    assert [row["confidence"] for row in table[:LINES]] == [
        str(line["SageMakerOutput"].get("confidence", "")) for line in lines
    ]


def test_the_list_that_is_measured_has_one_more_run() -> None:
    """A run of the list takes its part of the bytes: twice as many take twice as much."""
    few, more = (index_size.written(runs)[INDEX] for runs in (49, 99))
    assert 1.9 < more / few < 2.1


def test_the_input_that_is_measured_holds_every_line() -> None:
    """The parts that are written have the images and labels of the manifest, in its order."""
    s3 = start_speed.prepare(LINES)
    written = start_speed.write(s3)
    assert (written.lines, written.labelled, written.left_out, written.problem) == (LINES, LINES, 0, None)
    parts = b"".join(s3.objects[start_speed.RUN.input_part(part)] for part in range(3))
    folder = f"s3://{SETTINGS.bucket}/incoming/{start_speed.RUN.batch}/"
    assert [json.loads(line) for line in parts.splitlines()] == [
        {"image": {"source-ref": f"{folder}{line['file_name']}"}, "label": line["label"]}
        for line in map(json.loads, start_speed.manifest_lines(LINES))
    ]


def test_the_refused_lines_that_are_measured_are_the_largest() -> None:
    """Each line is as long as it may be, is left out, and fills what is kept of a line and of a reason."""
    assert len(refused_lines.LINE) == MAX_LINE
    s3 = refused_lines.measure(LINES)
    run = refused_lines.RUN
    assert json.loads(s3.objects[run.report])["coverage"]["unreadable"] == LINES
    longest = asdict(LeftOut.of(LINES, '"' * MAX_LINE, '"' * MAX_LINE))
    del longest["kind"]  # kept of labels alone
    line = len(json.dumps(longest, separators=(",", ":")))
    assert line - 12 <= len(s3.bodies[run.left_out].line) <= line
    for key in refused_lines.DISKS:
        assert line * 0.85 < s3.sizes[key] / LINES <= line + 1


def test_the_answer_that_is_measured_has_a_prediction_a_record() -> None:
    """The whole request is answered with what each image alone is read as."""
    objects = inference_overhead.images(70)
    model = inference_overhead.model_of(objects)
    answers = inference_overhead.respond(model, inference_overhead.request(objects)).splitlines()
    model.pool.shutdown()
    alone = [inference.classify(model, [decode(content, IMAGE_SIZE)])[0] for content in objects.values()]
    assert [json.loads(line)["label"] for line in answers] == [prediction["label"] for prediction in alone]
    assert len(answers) == 70


def test_decoding_alone_is_what_inference_decodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides open the same bytes: none is spared an image."""
    opened: list[bytes] = []
    original = Image.open

    def listen(file, *rest, **named):  # type: ignore[no-untyped-def]  # Pillow's own signature
        opened.append(file.getvalue())
        return original(file, *rest, **named)

    monkeypatch.setattr(Image, "open", listen)
    contents = list(inference_overhead.images(5).values())
    inference_overhead.decode_alone(contents)
    assert opened == contents


@pytest.mark.parametrize(
    ("benchmark", "figures"),
    [
        (
            report_speed,
            [
                *("throughput", "time as a multiple of that without probabilities", "peak memory in MB"),
                *("share of that for 10,000 lines", "report.html in MB"),
            ],
        ),
        (start_speed, ["throughput", "peak memory in MB"]),
        (refused_lines, ["left_out.jsonl in MB", "predictions.csv in MB", "peak memory in MB"]),
        (inference_overhead, ["µs per record beyond decoding and forward", "ms for the costliest image"]),
    ],
)
def test_a_benchmark_prints_each_figure_with_its_goal(
    capsys: pytest.CaptureFixture[str], benchmark: object, figures: list[str]
) -> None:
    """One line a figure; without --check a missed goal isn't a failure."""
    assert benchmark.main(["--lines", "200", "--rounds", "1"]) == 0  # type: ignore[attr-defined]
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(figures)
    for line, figure in zip(printed, figures, strict=True):
        assert figure in line
        assert "(goal: at " in line


def test_the_zip_is_measured_as_it_is_deployed(capsys: pytest.CaptureFixture[str]) -> None:
    """Each handler is imported from the unpacked zip, with boto3; the zip's size comes last."""
    assert handler_imports.main(["--rounds", "1"]) == 0
    *imports, size = capsys.readouterr().out.splitlines()
    assert [line.partition(",")[0] for line in imports] == list(handler_imports.HANDLERS)
    assert size.startswith("the unpacked zip in MB")


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        (measuring.Figure("share", 0.25, 0.25, at_least=True), True),
        (measuring.Figure("share", 0.24, 0.25, at_least=True), False),
        (measuring.Figure("MB", 256, 256), True),
        (measuring.Figure("MB", 257, 256), False),
    ],
)
def test_a_missed_goal_fails_the_check(figure: measuring.Figure, met: bool) -> None:
    """With --check the exit status is 1 where a goal is missed, and 0 where it is met."""
    assert figure.met == met
    assert measuring.conclude([figure], check=True) == (0 if met else 1)
    assert measuring.conclude([figure], check=False) == 0


@pytest.mark.parametrize("lines", ["0", "1000001", "many"])
def test_a_number_of_lines_that_cannot_be_measured_is_refused(lines: str) -> None:
    """Parts are prepared for at most a million lines; anything else ends with argparse's status 2."""
    with pytest.raises(SystemExit, match="2"):
        report_speed.main(["--lines", lines])
