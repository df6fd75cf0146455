"""The same artifact and the same records in every server: the answers are the same bytes."""

import io
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import urllib3
from moto.s3.exceptions import S3ClientError
from moto.s3.models import S3Backend

from batch_prediction.runs.transform_job import environment
from localcloud.iam.roles import role_environment
from tests.fidelity import toolkit_serving
from tests.fidelity.ray_serve import ray_serve
from tests.fidelity.records import BROKEN, Record, body, cut, refer, write
from tests.localcloud.sagemaker.sagemaker_account import BUCKET, ROLE, Account, unique
from tests.settings_and_events import SETTINGS
from training.datasets import Splits

JSON_LINES = "application/jsonlines"
Requests = dict[str, list[Record]]
Answer = tuple[int, bytes]  # status, body
Door = Callable[[Mapping[str, bytes]], dict[str, Answer]]


@dataclass(frozen=True)
class Served:
    """The artifact of the trained model: packed in S3 and unpacked, and its container's environment."""

    address: str
    folder: Path
    model_environment: dict[str, str]
    environment: dict[str, str]


@pytest.fixture(scope="module")
def requests(account: Account, parts: Splits) -> Requests:
    """Several requests over hundreds of records, whose objects are in the account's bucket."""
    objects, records = write(parts.batch)
    for key, content in objects.items():
        account.put(key, content)
    return cut(records)


@pytest.fixture(scope="module")
def served(account: Account, trained: Any, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The trained artifact, with the environment that the stack gives its models."""
    address = trained["ModelArtifacts"]["S3ModelArtifacts"]
    folder = tmp_path_factory.mktemp("artifact")
    with tarfile.open(fileobj=io.BytesIO(account.read(address.removeprefix(f"s3://{BUCKET}/")))) as packed:
        packed.extractall(folder, filter="data")
    of_model = environment(replace(SETTINGS, bucket=BUCKET))
    return Served(address, folder, of_model, role_environment(account.cloud, ROLE, "doors") | of_model)


@pytest.fixture(scope="module")
def local_runner(account: Account, served: Served) -> Door:
    """A transform job of the local cloud: each request is an input object, each answer its output."""
    name = unique("model")
    account.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={
            "Image": "image",
            "ModelDataUrl": served.address,
            "Environment": served.model_environment,
        },
    )

    def transform(bodies: Mapping[str, bytes]) -> dict[str, Answer]:
        job = account.transform(
            name,
            bodies,
            MaxConcurrentTransforms=8,
            MaxPayloadInMB=1,
            BatchStrategy="MultiRecord",
            ModelClientConfig={"InvocationsMaxRetries": 0},
        )
        outputs = account.objects(f"{job['TransformJobName']}/output/")
        log = account.log("TransformJobs", job["TransformJobName"])
        status = 500 if "Bad HTTP status received from algorithm: 500" in log else 0
        return {
            part: (200, outputs[f"{part}.out"]) if f"{part}.out" in outputs else (status, b"")
            for part in bodies
        }

    return transform


@pytest.fixture(scope="module")
def real_ray_serve(served: Served) -> Iterator[Door]:
    """Ray Serve with deployment.py, with eight requests at once, as the job's settings allow."""
    headers = {"Content-Type": JSON_LINES, "Accept": JSON_LINES}
    with ray_serve(served.folder, served.environment) as url:

        def ask(content: bytes) -> Answer:
            answer = urllib3.request("POST", url, body=content, headers=headers, retries=False, timeout=120)
            if answer.status == 200:
                assert answer.headers["Content-Type"] == JSON_LINES
            return answer.status, answer.data

        def serve(bodies: Mapping[str, bytes]) -> dict[str, Answer]:
            with ThreadPoolExecutor(8) as pool:
                return dict(zip(bodies, pool.map(ask, bodies.values()), strict=True))

        yield serve


@pytest.fixture(scope="module")
def serving_toolkit(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Door:
    """The handler of AWS's PyTorch serving toolkit, in a process of its own."""

    def handle(bodies: Mapping[str, bytes]) -> dict[str, Answer]:
        folder = tmp_path_factory.mktemp("toolkit")
        asked, answered = folder / "requests", folder / "answers"
        asked.mkdir()
        answered.mkdir()
        for name, content in bodies.items():
            (asked / name).write_bytes(content)
        subprocess.run(
            [sys.executable, toolkit_serving.__file__, served.folder, asked, answered],
            env=served.environment | {"PYTHONPATH": str(served.folder / "code")},
            check=True,
            timeout=120,
        )
        found = ((*file.name.partition("-"), file.read_bytes()) for file in answered.iterdir())
        return {name: (int(status), content) for status, _, name, content in found}

    return handle


@pytest.fixture(scope="module")
def answers(local_runner: Door, requests: Requests) -> dict[str, Answer]:
    """The answers of the local cloud's transform job, to compare the other servers with."""
    return local_runner({name: body(records) for name, records in requests.items()})


def test_every_record_has_its_answer_in_its_place(requests: Requests, answers: dict[str, Answer]) -> None:
    """Each line of the transform job's outputs is the prediction, or the foreseen error, of its record."""
    labels: list[int] = []
    right, errors = 0, set()
    for name, records in requests.items():
        status, content = answers[name]
        assert status == 200
        for record, line in zip(records, content.splitlines(), strict=True):
            answer = orjson.loads(line)
            if record.error is None:
                assert sorted(answer) == ["confidence", "label", "probabilities"], (record, answer)
                labels.append(answer["label"])
                right += answer["label"] == record.label
            else:
                assert answer["error"].startswith(record.error), (record, answer)
                errors.add(answer["error"])
    assert (len(labels), set(labels)) == (423, set(range(10)))
    assert right / len(labels) > 0.6
    assert len(errors) == 12


@pytest.mark.parametrize("door", ["real_ray_serve", "serving_toolkit"])
def test_the_answers_are_the_same_bytes_at_every_door(
    requests: Requests, answers: dict[str, Answer], door: str, request: pytest.FixtureRequest
) -> None:
    """Predictions, confidences, error records and their order are those of the local runner."""
    ask: Door = request.getfixturevalue(door)
    others = ask({name: body(records) for name, records in requests.items()})
    assert others.keys() == answers.keys()
    for name, (status, content) in others.items():
        assert status == 200, content
        assert content.splitlines() == answers[name][1].splitlines()
        assert content == answers[name][1]


@pytest.mark.parametrize("door", ["local_runner", "real_ray_serve", "serving_toolkit"])
def test_an_error_of_no_single_record_fails_the_request(
    account: Account, requests: Requests, door: str, request: pytest.FixtureRequest
) -> None:
    """Expired credentials are a 500 for their request, which SageMaker repeats; others are answered."""
    ask: Door = request.getfixturevalue(door)
    get_object: Any = S3Backend.get_object

    def refuse(backend: Any, bucket: str, key: str, *args: Any, **options: Any) -> Any:
        if key == BROKEN:
            raise S3ClientError("ExpiredToken", "The provided token has expired.")
        return get_object(backend, bucket, key, *args, **options)

    good = Record(refer("incoming/doors/0001.png"))
    bodies = {"bad.jsonl": body([good, Record(refer(BROKEN)), good]), "good.jsonl": body([good])}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(S3Backend, "get_object", refuse)
        found = ask(bodies)
    assert found["bad.jsonl"][0] == 500
    assert found["good.jsonl"][0] == 200
    assert orjson.loads(found["good.jsonl"][1]).keys() == {"label", "confidence", "probabilities"}
