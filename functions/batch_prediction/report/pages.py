"""What people open: a run's report.html and the index of all runs; and model_quality.json for programs.

A page is one file: no script, and nothing that a browser would fetch. Names and reasons are other people's
text: every one is escaped, and shortened, so that a page stays below a megabyte.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from batch_prediction.aws import generations, objects
from batch_prediction.figures import model_quality
from batch_prediction.layout import INCOMING, INDEX_PAGE, Run, image_address
from batch_prediction.report import advice, charts, index, likeness_charts
from batch_prediction.report.content import IndexEntry, Interval, Report
from batch_prediction.report.thresholds import written
from batch_prediction.report.thumbnails import NOWHERE, Reference, Thumbnail, thumbnails

if TYPE_CHECKING:
    from jinja2 import Environment

    from batch_prediction.aws.types import PutObjectRequest, S3Client

MAX_ROWS = 1_000  # runs on the index page; index.json has more
MAX_SLICES = 50  # rows; report.json has more
_NAME, _REASON = 120, 300  # characters shown
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_HTML = "text/html; charset=utf-8"


def write(
    s3: "S3Client",
    bucket: str,
    run: Run,
    report: Report,
    attempts: int,
    places: Mapping[str, Reference] = NOWHERE,
) -> bool:
    """Write everything that derives from a report's content, except report.json itself. Safe to repeat.

    `places` are those of misread images in an archive. Whether it was written: the pages of a report about
    more `attempts` stay.
    """
    request: PutObjectRequest = {"Bucket": bucket, "Key": run.page, "ContentType": _HTML}
    body = page(run, report, _thumbnails(s3, bucket, report, places))
    if not generations.put(s3, request, body, attempts):
        return False
    if report["labelled"]:  # no later attempt follows one that has labelled images
        objects.put_json(s3, bucket, run.model_quality, statistics(report))
    write_index(s3, bucket, index.entry(run, report))
    return True


def write_index(s3: "S3Client", bucket: str, new: IndexEntry) -> None:
    """Put a run into the list of all runs, and write the list's page unless that of a later list is there."""
    current = index.add(s3, bucket, new)
    request: PutObjectRequest = {
        "Bucket": bucket,
        "Key": INDEX_PAGE,
        "ContentType": _HTML,
        "Tagging": index.EXPIRES,
    }
    generations.put(s3, request, index_page(current.runs), current.generation)


def statistics(report: Report) -> dict[str, object]:
    """model_quality.json of a report with labelled images, as Model Monitor would have written it.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
    """
    job = report["transform_job"]
    if job is None:
        raise ValueError("model quality: expected a report of a run with a transform job, found none")
    times = {"start_time": job["started"], "end_time": job["ended"], "evaluation_time": job["ended"]}
    dataset = {"item_count": report["labelled"]} | times
    return {"version": 0.0, "dataset": dataset} | model_quality.statistics(report["confusion_matrix"])


def page(run: Run, report: Report, shown: Mapping[str, Thumbnail]) -> bytes:
    """report.html; `shown` are the thumbnails of the misread images that the report names."""
    drift, suspected = report["drift"], report["suspected_labels"]
    suspects = suspected["shown"] if suspected else []
    listed = {suspect["image"] for suspect in suspects}
    mistakes = [mistake for mistake in report["mistakes"] if mistake["image"] not in listed]
    wrong = report["labelled"] - sum(row[label] for label, row in enumerate(report["confusion_matrix"]))
    return _render(
        "report.html",
        report=report,
        uploaded=run.uploaded,
        inside=f"/{INCOMING}{run.batch}/",
        inside_archive=image_address(f"/{INCOMING}{run.batch}", ""),
        suspects=[(suspect, shown[suspect["image"]]) for suspect in suspects],
        wrong=wrong - len(suspects),
        mistakes=[(mistake, shown[mistake["image"]]) for mistake in mistakes],
        most_slices=MAX_SLICES,
        what_to_do=advice.what_to_do(report),
        notes=advice.notes(report),
        reliability=charts.RELIABILITY,
        doubts=likeness_charts.doubts(drift) if drift else None,
        predictions=likeness_charts.predictions(drift) if drift else None,
        risk=charts.risk_chart(report["risk_coverage"]["curve"]) if report["risk_coverage"] else None,
        index_page="../" * (run.batch.count("/") + 2) + "index.html",
    )


def index_page(runs: list[IndexEntry]) -> bytes:
    """reports/index.html, of the list's runs, newest first."""
    rows = charts.rows(runs)
    return _render(
        "index.html",
        rows=rows[:MAX_ROWS],
        more=len(rows) - MAX_ROWS,
        history=charts.history(runs),
        record=index.record(runs),
        model_name=charts.model_name,
    )


def _thumbnails(
    s3: "S3Client", bucket: str, report: Report, places: Mapping[str, Reference] = NOWHERE
) -> dict[str, Thumbnail]:
    """Those of the suspects, then of the other misread images: where there isn't room for all, the first."""
    job, suspected = report["transform_job"], report["suspected_labels"]
    ended = datetime.fromisoformat(job["ended"]) if job and job["ended"] else None
    named = [*(suspected["shown"] if suspected else ()), *report["mistakes"]]
    images = list(dict.fromkeys(each["image"] for each in named))
    return dict(zip(images, thumbnails(s3, bucket, images, ended, places), strict=True))


def _render(template: str, **content: object) -> bytes:
    text: str = _environment().get_or_select_template(template).render(**content)
    return text.encode()


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # costs half as much as boto3's import

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": _percent,
        "ends": _ends,
        "threshold": written,
        "p_value": lambda p: "below 0.0001" if p < 0.0001 else f"{p:.4f}",
        "count": lambda number: f"{number:,}",
        "points": lambda change: f"{change:+.2f}".replace("-", "−"),
        "duration": _duration,
        "moment": _moment,
        "name": lambda text: shortened(text, _NAME),
        "reason": lambda text: shortened(text, _REASON),
        "address": lambda key: quote(key, safe="/"),
    }
    return environment


def shortened(text: str, most: int) -> str:
    """Text of at most `most` characters, shortened in the middle; what HTML can't hold is replaced."""
    clean = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
    half = (most - 1) // 2
    return clean if len(clean) <= most else f"{clean[:half]}…{clean[-half:]}"


def _percent(share: float, decimals: int = 2) -> str:
    return f"{share * 100:.{decimals}f}\xa0%"


def _ends(interval: Interval, decimals: int = 2) -> str:
    """A share's interval in percent."""
    return f"{interval['low'] * 100:.{decimals}f} to {interval['high'] * 100:.{decimals}f}\xa0%"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{number}\xa0{unit}" for number, unit in parts if number) or "0\xa0s"


def _moment(value: datetime) -> str:
    return f"{value.astimezone(UTC):%-d %b %Y, %H:%M}\xa0UTC"
