"""Which objects below incoming/ no run has started from."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from batch_prediction.aws.clients import Clients
from batch_prediction.layout import Run
from batch_prediction.sweep import unstarted
from tests.settings_and_events import BUCKET

RUN = "20261122t154022z-0123abcd"
LATER = datetime.now(UTC) + timedelta(hours=1)


def put(aws: Clients, *keys: str) -> None:
    """Upload objects without content."""
    for key in keys:
        aws.s3.put_object(Bucket=BUCKET, Key=key)


def found(aws: Clients, now: datetime = LATER) -> list[tuple[str, int, bool, str]]:
    """All that is found, by batch."""
    every = unstarted.unstarted(aws.s3, BUCKET, now, bool)
    return [(each.run.batch, each.objects, each.more, each.example) for each in every]


def test_images_without_a_manifest_are_found(aws: Clients) -> None:
    """In a folder, in the folders of a folder, and in incoming/ itself; a folder that is empty is none."""
    assert found(aws) == []
    put(aws, "incoming/b7/1.png", "incoming/b7/2.png", "incoming/classes/0/1.png", "incoming/classes/1/1.png")
    put(aws, "incoming/loose.png", "incoming/empty/")
    assert found(aws) == [
        ("incoming", 1, False, "loose.png"),
        ("b7", 2, False, "1.png"),
        ("classes", 2, False, "0/1.png"),
    ]


def test_a_folder_with_a_run_is_started_from_wholly(aws: Clients) -> None:
    """Also what lies in its folders; an archive starts a run by itself, if it hasn't yet."""
    put(aws, "incoming/b7/1.png", "incoming/b7/scans/2.png", Run("b7", RUN).decision)
    put(
        aws,
        "incoming/site/b8.zip",
        Run("site/b8.zip", RUN).decision,
        "incoming/b9.TGZ",
        "incoming/site/b9.tar",
    )
    assert found(aws) == []


def test_a_new_folder_beside_a_started_one_is_found(aws: Clients) -> None:
    """At any depth; what is new at the level of folders with runs is counted alone."""
    put(aws, "incoming/site/a/1.png", Run("site/a", RUN).decision)
    put(aws, "incoming/site/b/1.png", "incoming/site/b/c/2.png", "incoming/site/3.png")
    assert found(aws) == [("site", 1, False, "3.png"), ("site/b", 2, False, "1.png")]


def uploaded(aws: Clients, key: str) -> datetime:
    """When an object was uploaded."""
    return aws.s3.head_object(Bucket=BUCKET, Key=key)["LastModified"]


def test_what_has_just_come_is_left_alone(aws: Clients) -> None:
    """A manifest is uploaded last: a quarter of an hour after the last object, none is expected any more."""
    put(aws, "incoming/b7/1.png")
    time = uploaded(aws, "incoming/b7/1.png")
    assert found(aws, time + unstarted.QUIET - timedelta(seconds=1)) == []
    assert found(aws, time + unstarted.QUIET) == [("b7", 1, False, "1.png")]


@pytest.mark.parametrize("known", ["incoming/b7/scans/manifest.csv", Run("b7", RUN).report])
def test_a_run_that_waits_is_left_alone(aws: Clients, known: str) -> None:
    """Its manifest is there, or it has a report; neither says anything of another folder."""
    put(aws, "incoming/b7/1.png", "incoming/b8/1.png", known)
    assert found(aws) == [("b8", 1, False, "1.png")]


@pytest.mark.parametrize("folder", ["", "b7/"])
def test_people_are_told_until_there_is_a_report(aws: Clients, folder: str) -> None:
    """Though a decision is there, whose report may have failed. Each later upload is another run."""
    image = f"incoming/{folder}1.png"
    put(aws, *([f"incoming/{folder}0/1.png"] if folder else []), image)
    time = uploaded(aws, image)
    put(aws, Run.without_manifest(folder, time - timedelta(hours=1)).report)
    ((run, *_),) = unstarted.unstarted(aws.s3, BUCKET, LATER, bool)
    assert run == Run.without_manifest(folder, time)
    put(aws, run.decision)
    assert len(found(aws)) == 1
    put(aws, run.report)
    assert found(aws) == []


def test_many_objects_are_not_all_counted(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """One page of them; folders are listed to their end."""
    monkeypatch.setattr(unstarted, "COUNTED", 3)
    put(aws, *(f"incoming/b7/{number}.png" for number in range(3)))
    assert found(aws) == [("b7", 3, False, "0.png")]
    put(aws, "incoming/b7/3.png", *(f"incoming/{name}/1.png" for name in "cdefg"))
    assert found(aws)[0] == ("b7", 3, True, "0.png")
    assert [batch for batch, *_ in found(aws)] == ["b7", *"cdefg"]
    put(aws, "incoming/c/2.png", "incoming/c/3.png", "incoming/c/manifest.png", "incoming/b7/METADATA.CSV")
    assert [batch for batch, *_ in found(aws)] == [*"cdefg"]


def test_a_sweep_makes_few_requests(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two for the folders, and two for each new one; when there are none left, it ends."""
    put(aws, "incoming/a/1.png", "incoming/b/1.png")
    for left, batches in ((2, []), (3, []), (4, ["a"]), (5, ["a"]), (6, ["a", "b"])):
        monkeypatch.setattr(unstarted, "MAX_REQUESTS", left)
        assert [batch for batch, *_ in found(aws)] == batches
    for left, batches in ((2, []), (3, []), (4, ["a"]), (5, ["a"]), (6, ["a", "b"])):
        monkeypatch.setattr(unstarted, "MIN_REQUESTS", left)
        every = unstarted.unstarted(aws.s3, BUCKET, LATER, lambda: True)
        assert [each.run.batch for each in every] == batches


def test_an_empty_page_is_not_the_end(aws: Clients) -> None:
    """S3 may give a page without keys, though its list goes on."""
    pages: list[Any] = [
        {"IsTruncated": False, "KeyCount": 0},  # runs/
        {"IsTruncated": False, "CommonPrefixes": [{"Prefix": "incoming/b7/"}]},
        {"IsTruncated": True, "NextContinuationToken": "t", "KeyCount": 0},
        {"IsTruncated": False, "Contents": [{"Key": "incoming/b7/1.png", "LastModified": LATER}]},
        {"IsTruncated": False},  # reports/b7/
    ]
    with Stubber(aws.s3) as stub:
        for page in pages:
            stub.add_response("list_objects_v2", page)
        assert found(aws, LATER + unstarted.QUIET) == [("b7", 1, False, "1.png")]
        stub.assert_no_pending_responses()
