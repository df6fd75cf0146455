"""The bucket's layout."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_prediction import layout
from batch_prediction.layout import Manifest, Run, check_name, output_name

RUN = Run("spring/b7", "20261122t154022z-1a2b3c4d")


def test_a_manifest_is_matched_exactly() -> None:
    """The batch may contain slashes, and the manifest's folder ends in one."""
    manifest = Manifest.at("incoming/spring/b7/manifest.csv")
    assert manifest == Manifest("spring/b7", "manifest.csv")
    assert manifest.folder == "incoming/spring/b7/"


@pytest.mark.parametrize(
    "key",
    [
        "incoming/manifest.jsonl",
        "incoming//manifest.jsonl",
        "incoming/a//b/manifest.jsonl",
        "incoming/../manifest.jsonl",
        "incoming/b7/manifest.jsonl.bak",
        "incoming/b7/manifest.txt",
        "incoming/b7/mANIFEST.jsonl",
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
    # 8 digits of sha256(b"incoming/b7/manifest.jsonl\nv1"): another digest would score all batches again
    assert run == Run("b7", "20261122t154022z-4329daea")
    assert len(run.id) == 25
    elsewhere = moment.astimezone(timezone(timedelta(hours=5)))
    assert Run.of_manifest("b7", "incoming/b7/manifest.jsonl", "v1", elsewhere) == run
    assert Run.of_manifest("b7", "incoming/b7/manifest.jsonl", "v2", moment) != run
    assert Run.of_manifest("b7", "incoming/b7/manifest.csv", "v1", moment) != run


def test_a_run_s_name_is_in_utc_wherever_the_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time zone of whoever names it doesn't matter."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        moment = datetime(2026, 11, 22, 15, 40, 22, tzinfo=UTC)
        run = Run.of_manifest("b7", "incoming/b7/manifest.jsonl", "v1", moment)
    time.tzset()
    assert run.id.startswith("20261122t154022z-")


def test_a_run_is_read_back_from_its_jobs_output_path() -> None:
    """What a transform job writes to says which run it belongs to, for every attempt."""
    for attempt in (1, 2, 3, 10, 123):
        assert Run.of_output(f"s3://bucket/{RUN.output_prefix(attempt)}", "bucket") == RUN


@pytest.mark.parametrize(
    "uri",
    [
        "s3://other/runs/b/20261122t154022z-1a2b3c4d/output/1/",
        "s3://bucket/runs/b/",
        "s3://bucket/runs/b/20261122t154022z-1a2b3c4d/output/0/",
        "s3://bucket/runs/b/20261122t154022z-1a2b3c4d/output/1/part",
        "s3://bucket/runs/b/20261122t154022z-1A2B3C4D/output/1/",
    ],
)
def test_a_foreign_output_path_is_refused(uri: str) -> None:
    """A job that writes elsewhere is not this stack's."""
    with pytest.raises(ValueError, match="S3OutputPath: expected"):
        Run.of_output(uri, "bucket")


def test_every_key_of_a_run_lies_below_its_prefix_in_runs_or_reports() -> None:
    """docs/architecture.md names them; a deployed stack's objects are found there for ever."""
    kept = "runs/spring/b7/20261122t154022z-1a2b3c4d/"
    assert RUN.prefix == kept
    assert RUN.decision == f"{kept}run.json"
    assert RUN.gave_up == f"{kept}gave_up.json"
    assert RUN.left_out == f"{kept}left_out.jsonl"
    assert RUN.input_prefix == f"{kept}input/"
    assert RUN.input_part(7) == f"{kept}input/part-00007.jsonl"
    assert RUN.output_prefix() == f"{kept}output/1/"
    assert RUN.output_prefix() + output_name(7) == f"{kept}output/1/part-00007.jsonl.out"
    assert RUN.output_prefix(3) + output_name(12345) == f"{kept}output/3/part-12345.jsonl.out"
    shown = "reports/spring/b7/20261122t154022z-1a2b3c4d/"
    assert RUN.report_prefix == shown
    assert RUN.report == f"{shown}report.json"
    assert RUN.page == f"{shown}report.html"
    assert RUN.predictions == f"{shown}predictions.csv"
    assert RUN.model_quality == f"{shown}model_quality.json"


def test_every_other_key_has_its_top_level_prefix() -> None:
    """No prefix is the beginning of another."""
    prefixes = (
        layout.INCOMING,
        layout.RUNS,
        layout.REPORTS,
        layout.DATASETS,
        layout.CODE,
        layout.TRIALS,
        layout.MODELS,
        layout.CHECKPOINTS,
    )
    names = ("incoming", "runs", "reports", "datasets", "code", "trials", "models", "checkpoints")
    assert prefixes == tuple(f"{name}/" for name in names)
    assert (layout.INDEX, layout.INDEX_PAGE) == ("reports/index.json", "reports/index.html")
    assert layout.dataset("mnist") == "datasets/mnist/"
    assert layout.dataset_channel("mnist", "test") == "datasets/mnist/test/"
    assert layout.dataset_description("mnist") == "datasets/mnist/dataset.json"
    assert layout.training_quality("digits-1") == "models/digits-1/model_quality.json"
    assert layout.training_reference("digits-1") == "models/digits-1/reference.json"
    assert layout.training_failure("digits-1") == "models/digits-1/failure.json"
    assert layout.tuning_failure("search-1") == "trials/search-1/failure.json"


@pytest.mark.parametrize("name", ["a", "0", "a-b", "a" * 63])
def test_a_data_set_s_name_is_part_of_its_prefix(name: str) -> None:
    """1 to 63 lower-case letters, digits and hyphens, a hyphen neither first nor last."""
    assert layout.dataset(name) == f"datasets/{name}/"


@pytest.mark.parametrize("name", ["", "-a", "a-", "a" * 64, "A", "a/b", "a_b", "é", "a\n"])
def test_any_other_data_set_s_name_is_refused(name: str) -> None:
    """It would be a place that nothing finds, or that lies elsewhere."""
    with pytest.raises(ValueError, match="data set: expected a name"):
        layout.dataset(name)


def test_a_training_s_folders_name_its_data_set_s_other_ones() -> None:
    """None for images that lie elsewhere."""
    training = "s3://bucket/datasets/mnist/training/"
    assert layout.sibling_uri(training, "test/") == "s3://bucket/datasets/mnist/test/"
    assert layout.sibling_uri(training, "dataset.json") == "s3://bucket/datasets/mnist/dataset.json"
    for other in (
        "s3://bucket/datasets/mnist/training",
        "s3://bucket/other/mnist/training/",
        "s3://a/b/datasets/mnist/training/",
        "s3://bucket/datasets/mnist/test/",
    ):
        assert layout.sibling_uri(other, "test/") is None


@pytest.mark.parametrize("path", ["s3://bucket/trials/digits-1/", "s3://bucket/trials/digits-1"])
def test_a_training_job_s_output_is_below_its_name(path: str) -> None:
    """Whether or not its S3OutputPath ends in a slash."""
    expected = "s3://bucket/trials/digits-1/digits-1-003-ab/output/"
    assert layout.output_uri(path, "digits-1-003-ab") == expected


def test_packed_code_is_named_by_its_digest() -> None:
    """None for code that lies elsewhere."""
    assert layout.code_digest("s3://bucket/code/00ff/sourcedir.tar.gz") == "00ff"
    for other in (
        "s3://bucket/code/00ff/other.tar.gz",
        "s3://bucket/elsewhere/00ff/sourcedir.tar.gz",
        "s3://a/b/code/00ff/sourcedir.tar.gz",
        "s3://bucket/code/xyz/sourcedir.tar.gz",
    ):
        assert layout.code_digest(other) is None


def test_names_have_bytes_up_to_a_bound() -> None:
    """512 of a batch and 1,024 of a key are taken, one more isn't."""
    assert Manifest.at(f"incoming/{'é' * 256}/manifest.jsonl").batch == "é" * 256
    with pytest.raises(ValueError, match="at most 512 bytes, found 513"):
        Manifest.at(f"incoming/{'é' * 256}a/manifest.jsonl")
    check_name("é" * 512)
    with pytest.raises(ValueError, match="at most 1024 bytes, found 1025"):
        check_name("é" * 512 + "a")


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


@pytest.mark.parametrize("name", ["b7.zip", "site/b7.tar", "b7.tar.gz", "a.b/B7.TGZ", "b7.TAR.GZ"])
def test_an_archive_is_a_batch_by_its_whole_name(name: str) -> None:
    """Its ending, of any case, is part of the batch's name."""
    assert layout.upload(f"incoming/{name}") == layout.Archive(name)


@pytest.mark.parametrize(
    "key",
    [
        *("incoming/.zip", "incoming/b7.rar", "incoming/b7zip", "incoming/b7.zip/", "incoming/b7.zip.txt"),
        *(
            "Incoming/b7.zip",
            "runs/b7.zip",
            "incoming/b7.gz",
            "incoming/b7.Zip",
            "incoming/../b7.zip",
            "incoming/a//b7.zip",
        ),
        f"incoming/{'b' * 510}.zip",
    ],
)
def test_no_other_key_is_an_archive_s(key: str) -> None:
    """Nor one that could be another object's, or whose reports would have too long a key."""
    with pytest.raises(ValueError, match="expected"):
        layout.upload(key)


def test_a_manifest_in_a_folder_that_is_called_like_an_archive_is_a_manifest() -> None:
    """And their images have different addresses."""
    assert layout.upload("incoming/b7.zip/manifest.csv") == layout.Manifest("b7.zip", "manifest.csv")
    assert layout.image_address("s3://b/incoming/b7.zip", "1.png") == "s3://b/incoming/b7.zip#1.png"
    assert layout.image_address("s3://b/incoming/b7.zip/1.png", None) == "s3://b/incoming/b7.zip/1.png"


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("manifest.csv", True),
        ("deep/er/METADATA.JSONL", True),
        ("manifest.png", False),
        ("labels.csv/1", False),
    ],
)
def test_a_file_is_a_manifest_by_its_name_and_a_key_by_its_place(name: str, is_one: bool) -> None:
    """In a batch's folder, or in folders of it; a manifest directly in incoming/ has no batch."""
    assert layout.is_manifest_name(name) is is_one
    assert layout.is_manifest(f"incoming/b7/{name}") is is_one
    assert not layout.is_manifest(f"elsewhere/b7/{name}")
    assert not layout.is_manifest("incoming/manifest.csv")
