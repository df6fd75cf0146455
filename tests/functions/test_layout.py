"""The bucket's layout."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_prediction.layout import Manifest, Run, check_name

RUN = Run("spring/b7", "20261122t154022z-1a2b3c4d")


def test_a_manifest_is_matched_exactly() -> None:
    """The batch may contain slashes, and the manifest's folder ends in one."""
    manifest = Manifest.at("incoming/spring/b7/manifest.csv")
    assert manifest == Manifest("spring/b7", "csv")
    assert manifest.folder == "incoming/spring/b7/"


@pytest.mark.parametrize(
    "key",
    [
        "incoming/manifest.jsonl",
        "incoming//manifest.jsonl",
        "incoming/a//b/manifest.jsonl",
        "incoming/../manifest.jsonl",
        "incoming/b7/manifest.jsonl.bak",
        "incoming/b7/manifest.json",
        "other/incoming/b7/manifest.jsonl",
        "reports/b7/manifest.jsonl",
        f"incoming/{'é' * 257}/manifest.jsonl",
    ],
)
def test_any_other_key_isn_t_a_manifest(key: str) -> None:
    """EventBridge's wildcard crosses slashes, so keys that it lets through are checked again."""
    with pytest.raises(ValueError, match="expected"):
        Manifest.at(key)


def test_a_run_is_named_after_one_version_of_one_manifest() -> None:
    """The same version gives the same run in any time zone; another version or key gives another run."""
    moment = datetime(2026, 11, 22, 15, 40, 22, tzinfo=UTC)
    run = Run.of_manifest("b7", "incoming/b7/manifest.jsonl", "v1", moment)
    assert run.id.startswith("20261122t154022z-")
    assert len(run.id) == 25
    elsewhere = moment.astimezone(timezone(timedelta(hours=5)))
    assert Run.of_manifest("b7", "incoming/b7/manifest.jsonl", "v1", elsewhere) == run
    assert Run.of_manifest("b7", "incoming/b7/manifest.jsonl", "v2", moment) != run
    assert Run.of_manifest("b7", "incoming/b7/manifest.csv", "v1", moment) != run


def test_a_run_is_read_back_from_its_jobs_output_path() -> None:
    """What a transform job writes to says which run it belongs to, for every attempt."""
    for attempt in (1, 2, 3):
        assert Run.of_output(f"s3://bucket/{RUN.output_prefix(attempt)}", "bucket") == RUN


@pytest.mark.parametrize(
    "uri", ["s3://other/runs/b/20261122t154022z-1a2b3c4d/output/1/", "s3://bucket/runs/b/"]
)
def test_a_foreign_output_path_is_refused(uri: str) -> None:
    """A job that writes elsewhere is not this stack's."""
    with pytest.raises(ValueError, match="S3OutputPath: expected"):
        Run.of_output(uri, "bucket")


def test_top_level_prefixes_never_nest() -> None:
    """Every key of a run lies below its own prefix in runs/ or reports/."""
    assert RUN.decision == "runs/spring/b7/20261122t154022z-1a2b3c4d/run.json"
    assert RUN.left_out == "runs/spring/b7/20261122t154022z-1a2b3c4d/left_out.jsonl"
    assert RUN.input_part(7) == "runs/spring/b7/20261122t154022z-1a2b3c4d/input/part-00007.jsonl"
    assert RUN.output_part(7) == "runs/spring/b7/20261122t154022z-1a2b3c4d/output/1/part-00007.jsonl.out"
    assert RUN.report == "reports/spring/b7/20261122t154022z-1a2b3c4d/report.json"
    assert RUN.predictions == "reports/spring/b7/20261122t154022z-1a2b3c4d/predictions.csv"


@pytest.mark.parametrize(
    "name", ["a/../b", "..", ".", "a//b", "/a", "a/", "", "a\\b", "a\nb", "a\x00b", "é" * 513]
)
def test_names_that_clients_rewrite_are_refused(name: str) -> None:
    """Dot segments, empty segments, backslashes, control characters and over-long keys name nothing here."""
    with pytest.raises(ValueError, match="expected a key"):
        check_name(name)


@given(
    st.lists(
        st.sampled_from(["a b", "1+1", "50%", "%2e%2e", "what?", "#1", "'q'", '"', "é", "数字", "..."]),
        min_size=1,
    )
)
def test_other_characters_are_taken_literally(segments: list[str]) -> None:
    """Spaces, plus and percent signs, quotes, question marks and Unicode are parts of a key."""
    check_name("/".join(segments))


def test_a_run_is_read_from_its_report_s_key() -> None:
    """What lists reports finds the run again, and takes nothing else for one."""
    assert Run.of_report(RUN.report) == RUN
    assert RUN.uploaded == datetime(2026, 11, 22, 15, 40, 22, tzinfo=UTC)
    for other in (
        RUN.page,
        "reports/index.json",
        f"reports/{RUN.id}/report.json",
        f"runs/b/{RUN.id}/report.json",
    ):
        assert Run.of_report(other) is None
