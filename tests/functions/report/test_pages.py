"""report.html and index.html: what they say, and what nobody's names can make of them."""

import csv
import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from jsonschema import Draft202012Validator
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from batch_prediction.aws.clients import Clients
from batch_prediction.layout import INDEX, INDEX_PAGE, Run
from batch_prediction.report import expert_figures, pages
from batch_prediction.report.thresholds import written
from batch_prediction.report.thumbnails import MAX_TOTAL, Thumbnail
from tests.functions.report.html import Page, opened
from tests.functions.report.sample_kinds import KINDS, LABELS
from tests.functions.report.transform_output import answer
from tests.sample_runs import Sample, report_of
from tests.settings_and_events import BUCKET

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text())
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><a href='javascript:1'>{{7*7}}{% x %}&lt;"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_report_has_the_published_schema_and_a_page(aws: Clients, kind: str) -> None:
    """report.json is what docs/report.schema.json says, and report.html has its headline or its advice."""
    sample = KINDS[kind]
    report = report_of(aws, sample)
    Draft202012Validator.check_schema(SCHEMA)
    validator = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert [error.message for error in validator.iter_errors(report)] == []
    page = opened(aws, sample.run.page)
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY}) in page.tags
    assert f"{report['coverage']['scored']:,} of {report['coverage']['expected']:,} scored" in page.text
    if report["accuracy"]:
        assert f"{report['accuracy']['value'] * 100:.2f} %" in page.text
    if report["status"] == "Completed":
        assert "What to do" not in page.text
    else:
        assert report["reason"] in page.text
        assert "What to do" in page.text
        assert "upload the manifest again" in page.text
        assert "Confusion matrix" not in page.text


@pytest.mark.parametrize("kind", ["estimated", "estimated and labelled", "drifted"])
def test_a_batch_is_shown_beside_its_models_reference(aws: Clients, kind: str) -> None:
    """Estimate and truth stand side by side; a batch in more doubt gets the reason, and no number."""
    sample = KINDS[kind]
    report = report_of(aws, sample)
    page = opened(aws, sample.run.page)
    section = page.text.partition("Accuracy without labels")[2]
    assert "the outline is of images read as the same digits" in section
    value = report["estimate"]["value"]
    if kind == "drifted":
        assert f"Not to be trusted No accuracy is estimated: {report['estimate']['reason']}." in section
        assert "Estimated at" not in section
        assert section.count("unlike it: the estimate isn't to be trusted") == 3
    else:
        assert f"Estimated at {value * 100:.2f} %" in section
        assert "unlike it" not in section
    said = f"The labels say {report['accuracy']['value'] * 100:.2f} %" if report["accuracy"] else None
    assert (said in section) if said else ("The labels say" not in section)
    html = aws.s3.get_object(Bucket=BUCKET, Key=sample.run.page)["Body"].read().decode()
    assert html.count('<rect class="measured"') == 26 + (
        sum(each["images"] > 0 for each in report["calibration"]["bins"]) if report["calibration"] else 0
    )
    assert html.count('<polyline class="expected"') == 2


@pytest.mark.parametrize(("kind", "said"), [("one digit", True), ("estimated", False), ("drifted", False)])
def test_an_estimate_of_another_mix_says_what_it_depends_on(aws: Clients, kind: str, said: bool) -> None:
    """A batch that is read as one digit may be of it, or may be read wrongly altogether: a person knows."""
    sample = KINDS[kind]
    report = report_of(aws, sample)
    page = opened(aws, sample.run.page)
    assert report["drift"]["statistics"][3]["drifted"] == said
    assert ("If the batch doesn't really have such a mix" in page.text) == said


def test_the_schema_refuses_an_invalid_report(aws: Clients) -> None:
    """Figures of a run that wasn't completed, missing keys and unknown ones are refused."""
    report = report_of(aws, KINDS["labelled"])
    validator = Draft202012Validator(SCHEMA)
    for wrong in (
        report | {"status": "Failed", "reason": "x"},
        report | {"accuracy": None},
        report | {"unknown": 1},
        {name: value for name, value in report.items() if name != "coverage"},
        report | {"schema": "digit-batch/report/2"},
    ):
        assert not validator.is_valid(wrong)


def test_the_figures_on_the_page_are_scikit_learn_s(aws: Clients) -> None:
    """The confusion matrix and the table of the digits say what scikit-learn finds in predictions.csv."""
    sample = KINDS["labelled"]
    suspected = report_of(aws, sample)["suspected_labels"]["images"]
    body = aws.s3.get_object(Bucket=BUCKET, Key=sample.run.predictions)["Body"].read().decode()
    rows = list(csv.DictReader(io.StringIO(body)))
    labels, predictions = ([int(row[name]) for row in rows] for name in ("label", "prediction"))
    html = aws.s3.get_object(Bucket=BUCKET, Key=sample.run.page)["Body"].read().decode()
    matrix, digits = (
        re.search(rf'aria-labelledby="{name}">.*?</table>', html, re.S) for name in ("matrix", "classes")
    )
    assert matrix
    assert digits
    cells = [int(cell.replace("·", "0")) for cell in re.findall(r"<td class=[^>]*>([\d·]+)</td>", matrix[0])]
    assert cells == confusion_matrix(labels, predictions, labels=range(10)).ravel().tolist()
    shown = re.findall(r"<td>([\d.]+)\xa0%<", digits[0])
    expected = precision_recall_fscore_support(labels, predictions, labels=range(10))[:3]
    assert shown == [f"{figure[digit] * 100:.1f}" for digit in range(10) for figure in expected]
    mistakes = [row for row in rows if row["label"] != row["prediction"]]
    surest = max(mistakes, key=lambda row: float(row["confidence"]))
    gallery = Page(html[html.index('id="suspects"') :]).text
    assert f"{suspected} images that the model reads confidently" in gallery
    assert f"All {len(mistakes) - suspected} other mistakes" in gallery
    assert gallery.index(surest["image"].rpartition("/")[2]) < 700


def test_the_figures_that_an_expert_asks_for_are_folded(aws: Clients) -> None:
    """With matrix, digits, confusions, calibration, time and origin: nine parts that a reader opens."""
    report = report_of(aws, KINDS["labelled"])
    page = opened(aws, KINDS["labelled"].run.page)
    assert (
        [tag for tag, _ in page.tags].count("details") == [tag for tag, _ in page.tags].count("summary") == 9
    )
    for figure in (
        report["agreement"]["macro_f1"]["value"],
        report["proper_scores"]["top_2_accuracy"]["low"],
        report["ranking"]["auc"]["value"],
    ):
        assert f"{figure * 100:.2f}" in page.text
    assert f"{report['proper_scores']['log_loss']['value']:.4f}" in page.text
    assert f"{report['smallest_difference'] * 100:.2f} points" in page.text
    assert (
        f"{report['calibration']['low'] * 100:.2f} to {report['calibration']['high'] * 100:.2f} %"
        in page.text
    )
    assert f"{report['classes'][3]['recall_interval']['low'] * 100:.1f} to" in page.text
    assert "it takes 381 images without a mistake" in page.text


def test_thresholds_that_reach_their_target_are_in_the_table(aws: Clients) -> None:
    """What is accepted above it, and how many of these are right; the chart marks it."""
    labels = [number % 10 for number in range(900)]
    sure = [(label, answer(label, 0.999)) for label in labels]
    unsure = [(label, answer((label + 1) % 10, 0.6)) for label in labels[:50]]
    sample = Sample("thresholds", [*sure, *unsure])
    report = report_of(aws, sample)
    page = opened(aws, sample.run.page)
    first, second, third = report["risk_coverage"]["targets"]
    assert 0.6 < first["threshold"] == second["threshold"] < 0.999
    assert (third["threshold"], third["least"]) == (None, 3838)
    assert f"99.0 % {written(first['threshold'])} 94.7 %" in page.text
    assert "it takes 3,838 images without a mistake" in page.text
    marks = [tag for tag, attributes in page.tags if attributes.get("class") == "version"]
    assert marks == ["line", "line"]


def test_a_report_of_an_earlier_artifact_says_what_it_lacks(aws: Clients) -> None:
    """Without the ten probabilities there are no scores and no ranking, and one sentence says why."""
    answers = [
        (label, {name: value for name, value in given.items() if name != "probabilities"})
        for label, given in KINDS["labelled"].answers
    ]
    sample = Sample("earlier", answers)
    report = report_of(aws, sample)
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(report)] == []
    page = opened(aws, sample.run.page)
    assert (report["proper_scores"], report["ranking"]) == (None, None)
    assert page.text.count(expert_figures.NO_PROBABILITIES) == 1
    assert "Balanced accuracy" in page.text
    assert "Log loss" not in page.text


def test_the_figures_are_next_to_the_page_in_sagemakers_schema(aws: Clients) -> None:
    """model_quality.json has the report's matrix and accuracy; a run without labels has no such file."""
    report = report_of(aws, KINDS["labelled"])
    key = KINDS["labelled"].run.model_quality
    content = json.loads(aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    assert content["dataset"]["item_count"] == report["labelled"]
    figures = content["multiclass_classification_metrics"]
    assert [list(row.values()) for row in figures["confusion_matrix"].values()] == report["confusion_matrix"]
    assert figures["accuracy"]["value"] == report["accuracy"]["value"]
    report_of(aws, KINDS["unlabelled"])
    prefix = KINDS["unlabelled"].run.report_prefix
    keys = [entry["Key"] for entry in aws.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]]
    assert {key.rpartition("/")[2] for key in keys} == {"predictions.csv", "report.html", "report.json"}


def test_a_page_asks_for_nothing(aws: Clients) -> None:
    """No script, style sheet, frame or image of elsewhere, and links lead only to the report's own files."""
    sample = Sample("a/b", KINDS["left out"].answers, left_out=KINDS["left out"].left_out)
    report_of(aws, sample)
    page = opened(aws, sample.run.page)
    assert not {"script", "iframe", "object", "embed", "form", "base"} & {tag for tag, _ in page.tags}
    sources = [(tag, attributes["src"]) for tag, attributes in page.tags if "src" in attributes]
    assert all(tag == "img" and str(source).startswith("data:image/") for tag, source in sources)
    links = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    files = {"predictions.csv", "report.json", "model_quality.json", "review.jsonl"}
    assert links == {"../../../index.html", *files}
    assert {attributes["href"] for tag, attributes in page.tags if tag == "link"} == {"data:,"}
    assert "@import" not in page.text
    assert "url(" not in page.text


def test_a_page_says_what_was_read_and_which_labels_are_not_used(aws: Clients) -> None:
    """The manifest's name, what it was recognised as, and the line whose label isn't a digit."""
    sample = KINDS["bad labels"]
    report = report_of(aws, sample)
    assert (report["bad_labels"], report["coverage"]["unreadable"]) == (1, 1)
    assert report["coverage"]["expected"] == len(sample.answers) + 1
    page = opened(aws, sample.run.page)
    assert "of the manifest manifest.csv uploaded on" in " ".join(page.text.split())
    assert "incoming/cats/manifest.csv" in page.text
    assert "read as CSV; images from `image`, labels from `label`" in page.text
    for text in ("Labels that aren't used", "3.png,cat", "label: found 'cat'"):
        assert text in page.text


TEXTS = st.one_of(st.text(max_size=60), st.sampled_from([HOSTILE, "</title>", "</style>", "\x00", "\u202e"]))


def of_texts(given: dict[str, Any], batch: str, image: str, reason: str) -> bytes:
    """The page of a report whose names and reasons are these."""
    report: Any = json.loads(json.dumps(given)) | {"batch": batch}
    for each in report["mistakes"]:
        each["image"] = f"s3://{BUCKET}/incoming/{batch}/{image}"
    report["unscored"] = [{"image": image, "label": None, "reason": reason}]
    report["label_problems"] = [{"line": 3, "text": image, "reason": reason}]
    report["manifest"], report["read_as"] = f"incoming/{batch}/{image}", f"read as {reason}"
    report["model"]["training_job"] = reason
    return pages.page(Run(batch, report["run"]), report, thumbnails_of(report))


NO_IMAGE = Thumbnail(None, "none")


def thumbnails_of(report: Any, thumbnail: Thumbnail = NO_IMAGE) -> dict[str, Thumbnail]:
    """The same for every misread image that a report names."""
    named = [*report["mistakes"], *(report["suspected_labels"] or {"shown": []})["shown"]]
    return {each["image"]: thumbnail for each in named}


@pytest.fixture
def report(aws: Clients) -> dict[str, Any]:
    """A report with mistakes and refused lines, for pages of other names."""
    return report_of(aws, KINDS["left out"])


def test_no_name_makes_a_tag(report: dict[str, Any]) -> None:
    """Whatever batches, images and reasons are called, the page has the same tags and attributes."""
    expected = Page(of_texts(report, "b", "i", "r").decode()).shape

    @given(TEXTS, TEXTS, TEXTS)
    def check(batch: str, image: str, reason: str) -> None:
        assert Page(of_texts(report, batch, image, reason).decode()).shape == expected

    check()


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_no_name_makes_a_tag_of_the_index(batches: list[str]) -> None:
    """The index page of any batches has the tags of the index page of others, and links only below itself."""

    def index_of(names: list[str]) -> Page:
        runs: Any = [
            {
                "batch": name,
                "run": f"20261122t15402{number}z-1a2b3c4d",
                "status": name,
                "accuracy": number / 5,
            }
            | {"low": 0, "high": 1, "labelled": 1, "scored": 1, "expected": 1, "model_version": 1}
            for number, name in enumerate(names)
        ]
        return Page(pages.index_page(runs[::-1]).decode())

    found = index_of(batches)
    assert found.shape == index_of([f"b{batches.index(name)}" for name in batches]).shape
    links = [str(attributes["href"]) for tag, attributes in found.tags if tag == "a"]
    assert not any(":" in link for link in links)


def test_the_longest_texts_and_the_most_images_stay_below_a_megabyte(report: dict[str, Any]) -> None:
    """A hundred suspects, mistakes and refused lines, 400 slices, every name as long as a key may be."""
    long = '"' * 900
    most = json.loads(json.dumps(report))
    most["mistakes"] = [
        most["mistakes"][0] | {"image": f"s3://b/incoming/{long}{number}"} for number in range(100)
    ]
    most["unscored"] = [{"image": long, "label": None, "reason": long}] * 100
    most["label_problems"] = [{"line": 10**7, "text": long, "reason": long}] * 100
    suspect = {"label": 7, "suggested": 1, "label_probability": 0.01, "suggested_probability": 0.99}
    most["suspected_labels"] = {
        "images": 100,
        "complete": True,
        "accuracy_without": most["accuracy"],
        "shown": [suspect | {"image": f"s3://b/incoming/s{long}{number}"} for number in range(100)],
    }
    each = {"field": long[:64], "value": long[:64], "images": 5, "labelled": 4, "accuracy": most["accuracy"]}
    most["slices"] = {
        "values": [each | {"difference": 0.1, "stands_out": True}] * 400,
        "left_out": [{"field": long[:64], "reason": "it came after 8 others"}] * 16,
    }
    uri = "data:image/png;base64," + "A" * (MAX_TOTAL * 4 // 3 // 200)
    shown = thumbnails_of(most, Thumbnail(uri))
    body = pages.page(Run(long[:512], most["run"]), most | {"batch": long[:512]}, shown)
    assert body.count(b"data:image/png") == len(shown) == 200
    assert MAX_TOTAL < len(body) <= 1_000_000


def test_text_is_shortened_in_its_middle() -> None:
    """Both ends of a name distinguish images; characters that HTML can't hold are replaced."""
    assert pages.shortened("0123456789", 10) == "0123456789"
    assert pages.shortened("0123456789a", 10) == "0123…789a"
    assert pages.shortened("a\x00b\ud800", 10) == "a\ufffdb\ufffd"


def test_a_crash_before_the_commit_is_mended_with_the_same_bytes(aws: Clients) -> None:
    """Everything of a report is a function of the run: written again, each object is what it was."""
    sample = KINDS["left out"]
    report_of(aws, sample)
    prefixes = (sample.run.report_prefix, INDEX, INDEX_PAGE)

    def content() -> dict[str, bytes]:
        keys = [
            entry["Key"]
            for prefix in prefixes
            for entry in aws.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]
        ]
        return {key: aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}

    before = content()
    assert len(before) == 7
    aws.s3.delete_object(Bucket=BUCKET, Key=sample.run.report)
    report_of(aws, sample)
    assert content() == before


@pytest.mark.parametrize("kind", KINDS)
def test_no_object_of_a_report_has_a_number_that_is_none(aws: Clients, kind: str) -> None:
    """Neither NaN nor infinity; a deviation over few images is the text that Model Monitor has there."""
    sample = KINDS[kind]
    report_of(aws, sample)
    for entry in aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="reports/")["Contents"]:
        body = aws.s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read().decode()
        if entry["Key"] == sample.run.model_quality:
            body = body.replace('"standard_deviation": "NaN"', "")
        text = Page(body).text if entry["Key"].endswith(".html") else body
        assert re.findall(r"(?i)\b(?:nan|inf(?:inity)?)\b", text) == []


def test_what_the_bucket_s_lifecycle_removes_is_the_list_of_all_runs_alone(aws: Clients) -> None:
    """Its two objects have the tag that template.yaml's rule looks for, and no object of a report has one.

    That holds for the reports of a batch whose keys begin as those of the list do.
    """
    sample = Sample("index.html", KINDS["labelled"].answers)
    report_of(aws, sample)
    stored = aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="reports/")["Contents"]
    tags = {
        entry["Key"]: aws.s3.get_object_tagging(Bucket=BUCKET, Key=entry["Key"])["TagSet"] for entry in stored
    }
    assert len(tags) == 7
    assert {key for key, found in tags.items() if found} == {INDEX, INDEX_PAGE}
    assert tags[INDEX] == tags[INDEX_PAGE] == [{"Key": "noncurrent", "Value": "expires"}]


def test_the_index_shows_runs_newest_first_with_their_changes(aws: Clients) -> None:
    """Each labelled run is compared with its batch's before; a change beyond both intervals stands out."""
    right: list[tuple[int | None, dict[str, Any]]] = [
        (label, {"label": label, "confidence": 0.9}) for label in LABELS
    ]
    wrong: list[tuple[int | None, dict[str, Any]]] = [(1, {"label": 2, "confidence": 0.9})]
    report_of(aws, Sample("b7", right[:-60] + wrong * 60, number=1))
    report_of(aws, Sample("b7", right, number=2, status="Stopped"))
    report_of(aws, Sample("b7", right, number=3, version=2))
    report_of(aws, Sample("other", right[:-90] + wrong * 90, number=4, version=2))
    report_of(aws, Sample("b7", right[:-1] + wrong, number=5, version=2))
    page = opened(aws, INDEX_PAGE)
    rows = page.text.partition("Runs, newest first")[2]
    found = re.findall(r"99\.67 %|100\.00 %|70\.00 %|Stopped|80\.00 %", rows)
    assert found == ["99.67 %", "70.00 %", "100.00 %", "100.00 %", "Stopped", "80.00 %"]
    assert "−0.33" in rows
    assert "▲ +20.00" in rows
    assert "▼" not in rows
    marks = Counter(tag for tag, attributes in page.tags if attributes.get("class") == "mark")
    assert marks == {"circle": 1, "rect": 3}


PARTLY: Any = {
    "schema": "digit-batch/index/1",
    "batch": "b7",
    "run": "20261122t154020z-1a2b3c4d",
    "status": "Completed",
    "accuracy": 0.98,
    "low": 0.9,
    "high": 1.0,
    "labelled": 64,
    "scored": 64,
    "expected": 100,
    "model_version": 1,
}


@pytest.mark.parametrize(
    ("changes", "tone", "said"),
    [
        ({}, "partly", "! Completed, 64 of 100 read 98.00"),
        ({"scored": 0, "accuracy": None}, "bad", "✗ Completed, 0 of 100 read – –"),
        ({"status": "Failed", "accuracy": None}, "bad", "✗ Failed – –"),
        ({"scored": 100}, None, "98.00"),
        ({"accuracy": None, "bad_labels": 64}, "partly", "64 of 100 read labels not understood –"),
        ({"accuracy": None}, "partly", "64 of 100 read no labels –"),
    ],
)
def test_the_index_says_of_which_runs_images_were_not_read(
    changes: dict[str, Any], tone: str | None, said: str
) -> None:
    """In words and colour; a run that read all of them needs no words."""
    page = Page(pages.index_page([PARTLY | changes]).decode())
    assert said in page.text.replace("\xa0", " ")
    tones = [
        attributes["class"]
        for tag, attributes in page.tags
        if tag == "span" and "status" in str(attributes.get("class"))
    ]
    assert tones == ([f"status {tone}"] if tone else [])


@pytest.mark.parametrize(
    ("scored", "tone", "said"),
    [
        (300, "good", "✓ Completed "),
        (64, "partly", "! Completed, 64 of 300 read "),
        (0, "bad", "✗ Completed, 0 of 300 read "),
    ],
)
def test_only_a_page_of_all_images_has_a_tick(
    report: dict[str, Any], scored: int, tone: str, said: str
) -> None:
    """The title, which a browser's tab shows, doesn't hide it either."""
    coverage = {"expected": 300, "scored": scored, "unreadable": 300 - scored, "missing": 0}
    covered: Any = report | {"coverage": coverage}
    text = pages.page(KINDS["left out"].run, covered, thumbnails_of(report)).decode()
    page = Page(text)
    assert said in page.text
    assert ("class", f"status {tone}") in [pair for _, attributes in page.tags for pair in attributes.items()]
    title = text.partition("<title>")[2].partition("</title>")[0]
    assert ("300 read" in title) is (tone != "good")


def test_reasons_are_grouped_on_the_page(report: dict[str, Any]) -> None:
    """Each with its count and an example, which is shortened to the name within the batch."""
    inside = KINDS["left out"].run.batch
    failures = [{"reason": "missing", "images": 1_200, "example": f"s3://b/incoming/{inside}/sub/1.png"}]
    found: Any = report | {"failures": failures}
    page = Page(pages.page(KINDS["left out"].run, found, thumbnails_of(report)).decode())
    assert "1,200 missing e.g. sub/1.png" in page.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bad_labels": 300}, "none no label could be understood"),
        ({"bad_labels": 0}, "none no image has a label"),
    ],
)
def test_labels_that_were_not_understood_are_not_called_absent(
    report: dict[str, Any], changes: dict[str, int], said: str
) -> None:
    """Who gave labels looks for what is wrong with them, not for why there are none."""
    unlabelled: Any = report | {"accuracy": None, "labelled": 0, "estimate": None, "drift": None} | changes
    assert said in Page(pages.page(KINDS["left out"].run, unlabelled, thumbnails_of(report)).decode()).text


def test_the_index_page_ends_after_a_thousand_runs() -> None:
    """Of more runs the newest are shown, with how many more the list has."""
    runs: Any = [
        {
            "batch": "b",
            "run": f"20261122t{n // 3600:02}{n // 60 % 60:02}{n % 60:02}z-{n:08x}",
            "status": "Completed",
        }
        | {
            "accuracy": 0.9 + n / 50_000,
            "low": 0.89,
            "high": 0.999,
            "labelled": 9,
            "scored": 9,
            "expected": 9,
        }
        | {"model_version": n // 100}
        for n in range(1500)
    ][::-1]
    body = pages.index_page(runs)
    page = Page(body.decode())
    assert page.text.count("of 9") == 1000
    assert "500 older runs are in index.json" in page.text
    assert page.shape["title", ()] == 1 + 200
    assert len(body) < 1_000_000


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "unknown"),
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (3599.6, "1 h"),
        (3723, "1 h 2 min 3 s"),
        (6000, "1 h 40 min"),
        (7201, "2 h 1 s"),
        (90_000, "25 h"),
    ],
)
def test_durations_are_read_as_people_say_them(
    report: dict[str, Any], seconds: float | None, text: str
) -> None:
    """Hours, minutes and seconds, each left out where it is zero."""
    timed: Any = report | {"time": {"waiting": seconds, "start_up": 1, "compute": 1}}
    page = Page(pages.page(KINDS["left out"].run, timed, thumbnails_of(timed)).decode())
    assert f"from the manifest's upload to the job {text} Start-up" in page.text.replace("\xa0", " ")


def test_an_image_counts_as_read_until_the_job_ended(aws: Clients) -> None:
    """One that was written while the job ran is shown; without an end nothing is taken for replaced."""
    key = "incoming/b/1.png"
    aws.s3.put_object(Bucket=BUCKET, Key=key, Body=b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x1c\0\0\0\x1c")
    past, future = "2026-01-01T00:00:00Z", "2999-01-01T00:00:00Z"

    def shown(created: str, ended: str | None) -> bool:
        found: Any = {
            "mistakes": [{"image": f"s3://{BUCKET}/{key}"}],
            "suspected_labels": None,
            "transform_job": {"created": created, "ended": ended},
        }
        (thumbnail,) = pages._thumbnails(aws.s3, BUCKET, found).values()
        return thumbnail.uri is not None

    assert shown(past, future)
    assert not shown(past, past)
    assert shown(past, None)


def test_the_dataset_of_the_figures_is_the_time_that_the_job_ran(aws: Clients) -> None:
    """From its start on instances to its end, when the figures were there."""
    report = report_of(aws, KINDS["labelled"])
    content = json.loads(
        aws.s3.get_object(Bucket=BUCKET, Key=KINDS["labelled"].run.model_quality)["Body"].read()
    )
    job = report["transform_job"]
    assert content["dataset"] == {
        "item_count": 300,
        "start_time": job["started"],
        "end_time": job["ended"],
        "evaluation_time": job["ended"],
    }
    assert len({job["created"], job["started"], job["ended"]}) == 3


def test_a_name_that_a_template_misspells_is_an_error() -> None:
    """An empty place on a page would go unnoticed."""
    with pytest.raises(UndefinedError, match="acuracy"):
        pages._environment().from_string("{{ acuracy }}").render(accuracy=1)


@pytest.mark.parametrize(("change", "text"), [(0.021, "+0.02"), (-0.021, "\u22120.02"), (0.0, "+0.00")])
def test_a_change_has_a_sign(change: float, text: str) -> None:
    """A minus as wide as the plus, so that the table's columns align."""
    assert pages._environment().from_string("{{ change | points }}").render(change=change) == text


def test_a_suspect_is_shown_once(report: dict[str, Any]) -> None:
    """In the gallery of labels that are probably wrong, and not among the other misread images again."""
    found = json.loads(json.dumps(report))
    first, *others = found["mistakes"]
    found["suspected_labels"] = {
        "images": 1,
        "complete": True,
        "accuracy_without": {"value": 0.875, "low": 0.8, "high": 0.9},
        "shown": [
            {
                "image": first["image"],
                "label": first["label"],
                "suggested": first["prediction"],
                "label_probability": 0.01,
                "suggested_probability": 0.98,
            }
        ],
    }
    page = Page(pages.page(KINDS["left out"].run, found, thumbnails_of(found)).decode())
    text = page.text.replace("\xa0", " ")
    assert "Labels that are probably wrong 1 image that the model reads confidently" in text
    assert "Without these images the accuracy is 87.50 % , 95 % interval 80.00 to 90.00 %" in text
    assert "Other misread images" in text
    assert f"All {len(others)} other mistakes" in text
    assert "With labels that are probably wrong: 1 image, shown below." in text
    assert ("a", {"href": "review.jsonl"}) in [(tag, dict(attributes)) for tag, attributes in page.tags]
    name = first["image"].rpartition("/")[2]
    assert page.text.count(name) == 1


def test_slices_are_a_table_with_the_worst_first(report: dict[str, Any]) -> None:
    """Fifty rows at most; one that stands out is said at the top, too, and so is what wasn't divided."""
    interval = {"value": 0.9, "low": 0.85, "high": 0.95}
    row = {
        "field": "writer",
        "value": "w",
        "images": 5,
        "labelled": 5,
        "accuracy": interval,
        "difference": -0.05,
    }
    found = json.loads(json.dumps(report))
    found["slices"] = {
        "values": [row | {"value": f"w{number}", "stands_out": number == 0} for number in range(60)],
        "left_out": [{"field": "id", "reason": "more than 50 values"}],
    }
    text = Page(pages.page(KINDS["left out"].run, found, thumbnails_of(found)).decode()).text
    text = text.replace("\xa0", " ")
    assert "writer w0 5 90.00 % 85.00 to 95.00 % −5.00 stands out writer w1" in text
    assert "w49" in text
    assert "w50" not in text
    assert "And 10 more in report.json." in text
    assert "Not divided by id (more than 50 values)." in text
    assert "the accuracy of 1 of the batch's slices from the rest; the lowest is that of writer w0." in text
