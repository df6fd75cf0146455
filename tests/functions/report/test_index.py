"""The list of all runs, and the page that is made of it."""

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from batch_prediction.aws.clients import Clients
from batch_prediction.layout import INDEX, INDEX_PAGE, Run
from batch_prediction.report import index, pages
from batch_prediction.report.content import IndexEntry
from tests.functions.report.index_entries import entry
from tests.settings_and_events import BUCKET


def listed(aws: Clients) -> list[str]:
    """The batches of index.json, in its order."""
    body = aws.s3.get_object(Bucket=BUCKET, Key=INDEX)["Body"].read()
    return [run["batch"] for run in json.loads(body)["runs"]]


def linked(aws: Clients) -> list[str]:
    """The batches that index.html links to, in its order."""
    body = aws.s3.get_object(Bucket=BUCKET, Key=INDEX_PAGE)["Body"].read().decode()
    return re.findall(r'href="([^"/]+)/[^"]*/report.html"', body)


def test_a_report_of_the_earlier_schema_has_its_entry(aws: Clients) -> None:
    """Its accuracy is in the list, and the list's page shows it."""
    report = json.loads(Path(__file__).with_name("report_of_schema_2.json").read_text())
    run = Run(report["batch"], report["run"])
    pages.write_index(aws.s3, BUCKET, index.entry(run, report))
    (found,) = index.read(aws.s3, BUCKET).runs
    assert (found["accuracy"], found["low"], found["labelled"]) == (0.96, report["accuracy"]["low"], 100)
    body = aws.s3.get_object(Bucket=BUCKET, Key=INDEX_PAGE)["Body"].read().decode()
    assert "96.00\xa0%" in body


class Atomic:
    """moto's S3 with conditional writes that are checked and done at once, as S3's are."""

    def __init__(self, s3: Any) -> None:
        self._s3, self._lock, self.lost = s3, threading.Lock(), 0
        self.exceptions, self.get_object, self.head_object = s3.exceptions, s3.get_object, s3.head_object

    def put_object(self, **request: Any) -> Any:
        """Write an object while nobody else does."""
        with self._lock:
            try:
                return self._s3.put_object(**request)
            except ClientError:
                self.lost += 1
                raise


def test_reports_written_at_the_same_time_lose_no_other(aws: Clients) -> None:
    """Of 40 runs put in by 8 writers at once, all are in the list, and on the page that came last."""
    s3: Any = Atomic(aws.s3)
    together = threading.Barrier(8)

    def write(number: int) -> None:
        if number < 8:
            together.wait()
        pages.write_index(s3, BUCKET, entry(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert listed(aws) == linked(aws) == [f"batch-{number}" for number in reversed(range(40))]
    assert s3.lost > 0  # else nobody was in anybody's way, and nothing was shown


def test_a_slow_writer_s_page_gives_way_to_the_newer_list(
    aws: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that is overtaken between the list and its page finds that of a newer list, and leaves it."""
    add = index.add

    def overtaken(*given: Any) -> index.Index:
        older = add(*given)
        monkeypatch.setattr(index, "add", add)
        pages.write_index(aws.s3, BUCKET, entry(2))
        return older

    monkeypatch.setattr(index, "add", overtaken)
    pages.write_index(aws.s3, BUCKET, entry(1))
    assert linked(aws) == ["batch-2", "batch-1"]


def test_a_list_that_was_moved_away_leaves_no_page_behind(aws: Clients) -> None:
    """The next report starts another list, whose page replaces that of the lost one."""
    for number in (1, 2, 3):
        pages.write_index(aws.s3, BUCKET, entry(number))
    aws.s3.delete_object(Bucket=BUCKET, Key=INDEX)
    pages.write_index(aws.s3, BUCKET, entry(4))
    assert listed(aws) == linked(aws) == ["batch-4"]


def test_a_list_of_an_earlier_version_goes_on(aws: Clients) -> None:
    """It doesn't say how often it was written, and its page has no generation: both are replaced."""
    old = {"schema": index.SCHEMA, "runs": [entry(1)]}
    aws.s3.put_object(Bucket=BUCKET, Key=INDEX, Body=json.dumps(old).encode())
    aws.s3.put_object(Bucket=BUCKET, Key=INDEX_PAGE, Body=b"old")
    pages.write_index(aws.s3, BUCKET, entry(2))
    assert listed(aws) == linked(aws) == ["batch-2", "batch-1"]
    assert index.read(aws.s3, BUCKET).generation == 1


def test_a_page_that_was_lost_is_made_again_by_the_next_report(aws: Clients) -> None:
    """A crash between list and page costs nothing that the next report doesn't mend."""
    index.add(aws.s3, BUCKET, entry(1))
    pages.write_index(aws.s3, BUCKET, entry(2))
    assert linked(aws) == ["batch-2", "batch-1"]


def test_a_run_that_is_put_in_again_writes_nothing(aws: Clients) -> None:
    """A repeated delivery finds its run in the list: no other version of the object is made."""
    first = index.add(aws.s3, BUCKET, entry(1))
    assert index.add(aws.s3, BUCKET, entry(1)) == first
    assert len(aws.s3.list_object_versions(Bucket=BUCKET, Prefix=INDEX)["Versions"]) == 1


def test_a_run_is_listed_once_and_its_newest_job_prevails() -> None:
    """A report about a later transform job replaces one about an earlier or none, never the other way."""
    refused, scored, again = entry(1, 0, status="Refused"), entry(1), entry(1, 2)
    assert index.merged([scored], again) == [again]
    assert index.merged([again], scored) == [again]
    assert index.merged([refused], scored) == [scored]
    assert index.merged([scored], refused) == [scored]
    assert index.merged([refused, entry(0)], entry(2)) == [entry(2), refused, entry(0)]


def test_the_list_keeps_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its limit the oldest runs leave the list; their reports stay where they are."""
    monkeypatch.setattr(index, "MAX_RUNS", 3)
    runs: list[IndexEntry] = []
    for number in (2, 5, 1, 4, 3):
        runs = index.merged(runs, entry(number))
    assert [run["batch"] for run in runs] == ["batch-5", "batch-4", "batch-3"]


@pytest.mark.parametrize(
    ("code", "status"), [("PreconditionFailed", 412), ("ConditionalRequestConflict", 409)]
)
def test_a_lost_write_is_retried_over_the_current_content(
    aws: Clients, monkeypatch: pytest.MonkeyPatch, code: str, status: int
) -> None:
    """Both answers of S3 to a conditional write that comes too late lead to another attempt."""
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    index.add(aws.s3, BUCKET, entry(1))
    existing = {"Body": aws.s3.get_object(Bucket=BUCKET, Key=INDEX)["Body"], "ETag": '"1"'}
    again = {"Body": aws.s3.get_object(Bucket=BUCKET, Key=INDEX)["Body"], "ETag": '"2"'}
    content = {"schema": index.SCHEMA, "generation": 1, "runs": index.described([entry(2), entry(1)])}
    body = json.dumps(content, separators=(",", ":"))
    with Stubber(aws.s3) as stub:
        where = {"Bucket": BUCKET, "Key": INDEX}
        written = where | {"Body": body.encode(), "ContentType": "application/json", "Tagging": index.EXPIRES}
        stub.add_response("get_object", existing, where)
        stub.add_client_error("put_object", code, http_status_code=status)
        stub.add_response("get_object", again, where)
        stub.add_response("put_object", {"ETag": '"3"'}, written | {"IfMatch": '"2"'})
        assert index.add(aws.s3, BUCKET, entry(2)).etag == '"3"'
        stub.assert_no_pending_responses()


def test_a_list_that_never_rests_is_an_error_that_names_it(
    aws: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its attempts the writer gives the message back to the queue, rather than wait for ever."""
    monkeypatch.setattr("time.sleep", lambda _seconds: None)

    def busy(**_request: Any) -> None:
        answer: Any = {
            "Error": {"Code": "PreconditionFailed"},
            "ResponseMetadata": {"HTTPStatusCode": 412},
        }
        raise ClientError(answer, "PutObject")

    monkeypatch.setattr(aws.s3, "put_object", busy)
    with pytest.raises(RuntimeError, match=r"reports/index\.json: expected to write it in 40 attempts"):
        index.add(aws.s3, BUCKET, entry(1))


def test_a_list_of_another_schema_is_left_alone(aws: Clients) -> None:
    """What another version wrote isn't overwritten: the error says what to do."""
    aws.s3.put_object(Bucket=BUCKET, Key=INDEX, Body=b'{"schema": "digit-batch/index/9", "runs": []}')
    with pytest.raises(ValueError, match="move it away, and the next report starts another list"):
        index.add(aws.s3, BUCKET, entry(1))


def test_an_entry_says_what_the_report_says() -> None:
    """A refused run has neither figures nor model nor job."""
    report: Any = {
        "status": "Refused",
        "accuracy": None,
        "estimate": None,
        "labelled": 0,
        "coverage": {"expected": 3, "scored": 0, "unreadable": 0, "missing": 3},
        "model": None,
        "transform_job": None,
    }
    found = index.entry(Run("b7", "20261122t154022z-1a2b3c4d"), report)
    assert (found["batch"], found["status"], found["expected"]) == ("b7", "Refused", 3)
    assert {found[name] for name in ("accuracy", "low", "high", "model_version", "transform_job")} == {None}


def test_runs_of_two_batches_at_one_moment_are_two() -> None:
    """The name of a run is unique within its batch; among equal names the order is that of the batches."""
    first, second = entry(1), entry(1, batch="another")
    assert index.merged([first], second) == [first, second]
    assert index.merged([second], first) == [first, second]


def test_a_report_about_as_many_jobs_replaces_its_entry() -> None:
    """A repetition may know better: what it says is what the list says."""
    older, newer = entry(1, status="Failed"), entry(1)
    assert index.merged([older], newer) == [newer]


def test_the_list_has_room_for_ten_thousand_runs() -> None:
    """As docs/architecture.md says: one more, and the oldest leaves it."""
    runs = [entry(number) for number in reversed(range(10_000))]
    found = index.merged(runs, entry(10_000))
    assert len(found) == 10_000
    assert (found[0], found[-1]) == (entry(10_000), entry(1))
    assert len(index.merged(runs[1:], entry(10_000))) == 10_000


ESTIMATE = {"value": 0.985, "low": 0.975, "high": 0.992}


def test_the_record_compares_estimates_with_the_accuracies_that_came_with_labels() -> None:
    """Runs that have both count: whether the interval held, and by how much the value was off."""
    runs = [
        entry(1, accuracy=0.98, estimate=ESTIMATE),
        entry(2, accuracy=0.95, estimate=ESTIMATE),
        entry(3, accuracy=None, low=None, high=None, estimate=ESTIMATE),
        entry(4, accuracy=0.5, estimate=None),
        entry(5, accuracy=0.5),  # an earlier version's entry
    ]
    record = index.record(runs)
    assert record is not None
    assert (record.runs, record.held) == (2, 1)
    assert record.mean_error == pytest.approx((0.005 + 0.035) / 2)
    assert index.record(runs[2:]) is None


@pytest.mark.parametrize(
    ("estimate", "kept"),
    [
        (ESTIMATE | {"trusted": True, "method": "m", "reason": None}, ESTIMATE),
        ({"value": None, "low": None, "high": None, "trusted": False, "method": "m", "reason": "r"}, None),
        (None, None),
    ],
)
def test_an_entry_keeps_a_trusted_estimate_alone(estimate: Any, kept: Any) -> None:
    """The list has value and interval, and nothing where the report has no number."""
    run = Run("b", "20261122t154022z-1a2b3c4d")
    report: Any = {
        "status": "Completed",
        "accuracy": None,
        "estimate": estimate,
        "labelled": 0,
        "coverage": {"scored": 5, "expected": 5},
        "model": None,
        "transform_job": None,
    }
    assert index.entry(run, report).get("estimate") == kept


def test_the_page_shows_estimates_of_unlabelled_runs_and_their_record(aws: Clients) -> None:
    """A run without labels has its estimate in the table; runs with both make the record above it."""
    pages.write_index(aws.s3, BUCKET, entry(1, accuracy=None, low=None, high=None, estimate=ESTIMATE))
    html = aws.s3.get_object(Bucket=BUCKET, Key=INDEX_PAGE)["Body"].read().decode()
    assert "estimated 98.50\xa0%" in html
    assert "Estimates without labels" not in html
    pages.write_index(aws.s3, BUCKET, entry(2, accuracy=0.98, estimate=ESTIMATE))
    html = aws.s3.get_object(Bucket=BUCKET, Key=INDEX_PAGE)["Body"].read().decode()
    assert "of 1 runs that have labels as well" in html
    assert "in 1; the mean error was 0.5 points" in html


def test_programs_read_tone_and_change_from_the_list(aws: Clients) -> None:
    """As the page shows them: whether every image was read, and the change against the batch's run before."""
    for number, scored, accuracy in ((1, 100, 0.98), (3, 64, 0.97), (5, 0, None)):
        changes: dict[str, Any] = {"batch": "b7", "scored": scored, "accuracy": accuracy}
        index.add(aws.s3, BUCKET, entry(number, **changes))
    runs = index.read(aws.s3, BUCKET).runs
    assert [(run.get("tone"), run.get("change")) for run in runs] == [
        ("bad", None),
        ("partly", -0.01),
        ("good", None),
    ]
    index.add(aws.s3, BUCKET, entry(2, batch="b7", accuracy=0.99))  # a report that comes late
    changed = [run.get("change") for run in index.read(aws.s3, BUCKET).runs]
    assert changed == [None, -0.02, 0.01, None]


def test_labels_that_were_not_understood_are_in_the_entry() -> None:
    """The page tells them from labels that weren't given; most runs have none, and no such key."""
    report: Any = json.loads(Path(__file__).with_name("report_of_schema_2.json").read_text())
    run = Run(report["batch"], report["run"])
    assert index.entry(run, report | {"bad_labels": 3}).get("bad_labels") == 3
    assert "bad_labels" not in index.entry(run, report | {"bad_labels": 0})
