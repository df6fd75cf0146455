"""The bucket's layout: every S3 key of the project is built and read here, and nowhere else.

Top-level prefixes end in a slash and never nest:

    incoming/<batch>/manifest.jsonl, manifest.csv, …   the upload that starts a run; images next to it
    incoming/<batch>.zip, .tar, .tar.gz or .tgz        likewise, the images in it: <batch> is with the ending
    runs/<batch>/<run>/run.json                        the one decision about the run
    runs/<batch>/<run>/gave_up.json                    why no (further) transform job is started
    runs/<batch>/<run>/left_out.jsonl                  manifest lines refused before the job
    runs/<batch>/<run>/input/part-00000.jsonl          the transform job's input
    runs/<batch>/<run>/output/<attempt>/…part-00000.jsonl.out
    reports/<batch>/<run>/report.json, report.html, predictions.csv, model_quality.json
    reports/index.json, index.html                     all runs
    waiting/<instance type>/<instances>.json           the runs that have waited longest for so many of them
    datasets/<name>/training/, test/                   the channels of a data set, in IDX files
    datasets/<name>/dataset.json                       what they hold, written last
    code/<digest>/sourcedir.tar.gz
    trials/<tuning job>/failure.json                   why no final training; the trials next to it
    trials/<tuning job>/<trial>/output/model.tar.gz    the artifact of a trial
    models/<training job>/output/model.tar.gz          the artifact of a final training
    models/<training job>/model_quality.json           its figures on the test set
    models/<training job>/reference.json               what its trial said of images that it held out
    models/<training job>/package.json                 which package it is, written when people know of it
    models/<training job>/failure.json                 or why there is no artifact
    checkpoints/<training job>/                        what an interrupted training goes on from
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

INCOMING = "incoming/"
RUNS = "runs/"
REPORTS = "reports/"
DATASETS = "datasets/"
CODE = "code/"
TRIALS = "trials/"
MODELS = "models/"
CHECKPOINTS = "checkpoints/"
WAITING = "waiting/"
INDEX = f"{REPORTS}index.json"
INDEX_PAGE = f"{REPORTS}index.html"

# The names of objects below incoming/<batch>/ that start a run, in lower case. UploadRule of template.yaml
# lists them in each of spellings(), as its wildcards tell upper from lower case:
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
MANIFESTS = (
    "manifest.jsonl",
    "manifest.csv",
    "manifest.json",
    "manifest.tsv",
    "manifest.lst",
    "manifest.manifest",
    "metadata.jsonl",
    "metadata.csv",
    "labels.csv",
)


def spellings(name: str) -> tuple[str, str, str]:
    """A manifest's name in lower case, capitalised and in upper case: all are read."""
    return name, name.capitalize(), name.upper()


_SPELLINGS = "|".join(re.escape(spelling) for name in MANIFESTS for spelling in spellings(name))
_MANIFEST = re.compile(rf"{INCOMING}(?P<batch>.+)/(?P<name>{_SPELLINGS})")
# Likewise, in lower and in upper case.
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
_ENDINGS = "|".join(re.escape(ending) for name in ARCHIVES for ending in (name, name.upper()))
_ARCHIVE = re.compile(rf"{INCOMING}(?P<batch>.+(?:{_ENDINGS}))")
_RUN_ID = re.compile(r"\d{8}t\d{6}z-[0-9a-f]{8}")
_OUTPUT = re.compile(rf"{RUNS}(?P<batch>.+)/(?P<run>{_RUN_ID.pattern})/output/(?P<attempt>[1-9]\d{{0,2}})/?")
_REPORT = re.compile(rf"{REPORTS}(?P<batch>.+)/(?P<run>{_RUN_ID.pattern})/report\.json")
# Control characters and backslashes, and segments that are empty, `.` or `..`: HTTP clients rewrite such
# paths (RFC 3986, 5.2.4), so the object that is read would not be the object that is named.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\\]|(?:^|/)\.{0,2}(?:/|$)")
_DATASET = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NO_VERSION = "no manifest"  # no S3 version has a space
_MAX_BATCH = 512  # bytes; S3OutputPath holds it, of at most 1,024 characters
_MAX_KEY = 1024  # bytes; https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html


def dataset(name: str) -> str:
    """The prefix of a data set, with its slash; ValueError for a name that isn't one."""
    if not _DATASET.fullmatch(name):
        raise ValueError(
            f"data set: expected a name of 1 to 63 lower-case letters, digits and hyphens, found {name!r}"
        )
    return f"{DATASETS}{name}/"


def dataset_channel(name: str, channel: str) -> str:
    """The prefix of a data set's channel, `training` or `test`, with its slash."""
    return f"{dataset(name)}{channel}/"


def dataset_description(name: str) -> str:
    """The key of dataset.json, which is written last: if it exists, the data set is complete."""
    return f"{dataset(name)}dataset.json"


def sibling_uri(training: str, name: str) -> str | None:
    """The `s3://` address of `test/` or `dataset.json` of the data set whose training images are given.

    None for training images outside datasets/<name>/training/.
    """
    match = re.fullmatch(rf"(s3://[^/]+/{DATASETS}.+/)training/", training)
    return match[1] + name if match else None


def line(instance_type: str, instances: int) -> str:
    """The key of the runs that have waited longest for so many instances of a type."""
    return f"{WAITING}{instance_type}/{instances}.json"


def is_run_id(name: str) -> bool:
    """Whether a folder's name is that of a run."""
    return _RUN_ID.fullmatch(name) is not None


def code_digest(source: str) -> str | None:
    """The digest in the address of packed training code, `s3://…/code/<digest>/sourcedir.tar.gz`; or None."""
    match = re.fullmatch(rf"s3://[^/]+/{CODE}([0-9a-f]+)/sourcedir\.tar\.gz", source)
    return match[1] if match else None


def output_uri(uri: str, training_job: str) -> str:
    """Where SageMaker puts the artifact of a training job with this S3OutputPath, with a slash at its end.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-train-storage.html
    """
    return f"{uri.rstrip('/')}/{training_job}/output/"


def training_quality(training_job: str) -> str:
    """The key of a final model's figures on the test set, in SageMaker's model-quality schema."""
    return f"{MODELS}{training_job}/model_quality.json"


def training_reference(training_job: str) -> str:
    """The key of what a final model's trial said of its held-out images, which batches are compared with."""
    return f"{MODELS}{training_job}/reference.json"


def tuning_failure(tuning_job: str) -> str:
    """The key of the reason why a tuning job was followed by no final training."""
    return f"{TRIALS}{tuning_job}/failure.json"


def training_failure(training_job: str) -> str:
    """The key of the reason why a final training was followed by no model package."""
    return f"{MODELS}{training_job}/failure.json"


def training_package(training_job: str) -> str:
    """The key of the record that a final training's model is registered, and that people were notified."""
    return f"{MODELS}{training_job}/package.json"


def _part_name(part: int) -> str:
    return f"part-{part:05d}.jsonl"


def output_name(part: int) -> str:
    """What the key of a part's output ends with; what may come before it, report/outputs.py says."""
    return f"{_part_name(part)}.out"


def check_name(name: str) -> None:
    """Refuse a key, or the rest of one behind a prefix, that could resolve to another object."""
    if unsafe := _UNSAFE.search(name):
        raise ValueError(
            f"expected a key without empty, `.` and `..` segments, backslashes and control characters, "
            f"found {unsafe.group()!r} in {name[:200]!r}"
        )
    if len(name.encode()) > _MAX_KEY:
        raise ValueError(f"expected a key of at most {_MAX_KEY} bytes, found {len(name.encode())}")


def _check_batch(key: str, batch: str) -> None:
    check_name(batch)
    if (length := len(batch.encode())) > _MAX_BATCH:
        raise ValueError(f"{key}: expected a batch of at most {_MAX_BATCH} bytes, found {length}")


@dataclass(frozen=True)
class Manifest:
    """A manifest's place: `batch` may contain slashes, `name` is one of MANIFESTS in any of its spellings."""

    batch: str
    name: str

    @classmethod
    def at(cls, key: str) -> "Manifest":
        """Read `incoming/<batch>/<name>`; ValueError for any other key."""
        match = _MANIFEST.fullmatch(key)
        if not match:
            raise ValueError(f"expected incoming/<batch>/ and one of {', '.join(MANIFESTS)}, found {key!r}")
        _check_batch(key, match["batch"])
        return cls(match["batch"], match["name"])

    @property
    def folder(self) -> str:
        """The prefix that the batch's images lie below, with its slash."""
        return f"{INCOMING}{self.batch}/"


@dataclass(frozen=True)
class Archive:
    """An archive's place: its batch is its key's rest with the ending, which hardly a folder has."""

    batch: str

    @classmethod
    def at(cls, key: str) -> "Archive":
        """Read `incoming/<batch>`, which ends as an archive does; ValueError for any other key."""
        match = _ARCHIVE.fullmatch(key)
        if not match:
            raise ValueError(f"expected incoming/ and a .zip, .tar, .tar.gz or .tgz, found {key!r}")
        _check_batch(key, match["batch"])
        return cls(match["batch"])


def is_manifest(key: str) -> bool:
    """Whether a key is that of a manifest which starts a run."""
    try:
        Manifest.at(key)
    except ValueError:
        return False
    return True


def is_manifest_name(name: str) -> bool:
    """Whether a file is called as a manifest is, whatever folder it is in."""
    return is_manifest(f"{INCOMING}batch/{name.rpartition('/')[2]}")


def upload(key: str) -> Manifest | Archive:
    """What the key of an upload names; ValueError for one that starts no run."""
    return Archive.at(key) if _ARCHIVE.fullmatch(key) else Manifest.at(key)


def image_address(source: str, member: str | None) -> str:
    """An image's name in reports and digests: its object's address, in an archive with `#` and the member.

    No image of a manifest has such an address in the same batch, since those begin with `incoming/<batch>/`.
    """
    return source if member is None else f"{source}#{member}"


@dataclass(frozen=True)
class Run:
    """One manifest version, scored once. `id` has 25 characters and doesn't depend on the model."""

    batch: str
    id: str

    @classmethod
    def of_manifest(cls, batch: str, key: str, version: str, last_modified: datetime) -> "Run":
        """Name the run of a manifest version: a redelivered event finds the same run."""
        digest = hashlib.sha256(f"{key}\n{version}".encode()).hexdigest()[:8]
        return cls(batch, f"{last_modified.astimezone(UTC):%Y%m%dt%H%M%Sz}-{digest}")

    @classmethod
    def without_manifest(cls, folder: str, last_modified: datetime) -> "Run":
        """Name the run that says of a folder below incoming/, given with its slash, that it has no manifest.

        Objects directly in incoming/ are the batch `incoming`.
        """
        key = f"{INCOMING}{folder}"
        return cls.of_manifest((folder or INCOMING).rstrip("/"), key, _NO_VERSION, last_modified)

    @property
    def has_no_manifest(self) -> bool:
        """Whether the run is named by `without_manifest`."""
        return self in {Run.without_manifest(folder, self.uploaded) for folder in ("", f"{self.batch}/")}

    @classmethod
    def of_output(cls, uri: str, bucket: str) -> "Run":
        """Read the run from a transform job's S3OutputPath; ValueError for a job that isn't ours."""
        match = _OUTPUT.fullmatch(uri.removeprefix(f"s3://{bucket}/"))
        if not match:
            expected = f"s3://{bucket}/{RUNS}<batch>/<run>/output/<attempt>/"
            raise ValueError(f"S3OutputPath: expected {expected}, found {uri!r}")
        return cls(match["batch"], match["run"])

    @classmethod
    def of_report(cls, key: str) -> "Run | None":
        """The run whose report.json has this key; None for any other key."""
        match = _REPORT.fullmatch(key)
        return cls(match["batch"], match["run"]) if match else None

    @property
    def uploaded(self) -> datetime:
        """When the manifest version was written, to the second."""
        return datetime.strptime(self.id[:16], "%Y%m%dt%H%M%Sz").replace(tzinfo=UTC)

    @property
    def prefix(self) -> str:
        """Everything that is kept of the run, but for its report."""
        return f"{RUNS}{self.batch}/{self.id}/"

    @property
    def decision(self) -> str:
        """The key of the one decision about the run."""
        return f"{self.prefix}run.json"

    @property
    def gave_up(self) -> str:
        """The key of the reason why no further transform job of the run is started."""
        return f"{self.prefix}gave_up.json"

    @property
    def left_out(self) -> str:
        """The key of the manifest lines that were refused, each with its reason."""
        return f"{self.prefix}left_out.jsonl"

    @property
    def input_prefix(self) -> str:
        """What the transform job reads."""
        return f"{self.prefix}input/"

    def input_part(self, part: int) -> str:
        """The key of one input object of the transform job, counted from 0."""
        return f"{self.input_prefix}{_part_name(part)}"

    def output_prefix(self, attempt: int = 1) -> str:
        """Where an attempt's transform job writes, counted from 1."""
        return f"{self.prefix}output/{attempt}/"

    @property
    def report_prefix(self) -> str:
        """Where a person finds the outcome."""
        return f"{REPORTS}{self.batch}/{self.id}/"

    @property
    def report(self) -> str:
        """The key of report.json, which is written last: if it exists, the report is complete."""
        return f"{self.report_prefix}report.json"

    @property
    def predictions(self) -> str:
        """The key of the table of all images."""
        return f"{self.report_prefix}predictions.csv"

    @property
    def review(self) -> str:
        """The key of the images whose labels are probably wrong, as a manifest to be corrected."""
        return f"{self.report_prefix}review.jsonl"

    @property
    def page(self) -> str:
        """The key of the report that people open."""
        return f"{self.report_prefix}report.html"

    @property
    def model_quality(self) -> str:
        """The key of the figures in SageMaker's model-quality schema."""
        return f"{self.report_prefix}model_quality.json"
