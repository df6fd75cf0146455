"""The toolkit's four functions over references to S3."""

import inspect
import json
import shutil
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import botocore.retries.bucket
import botocore.retries.standard
import numpy as np
import pytest
import torch
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.response import StreamingBody
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import nn

import inference

PREFIX = "s3://digits/incoming/"
Answer = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def upload(
    s3: Any, as_png: Callable[..., bytes], block_images: Callable[..., tuple[np.ndarray, np.ndarray]]
) -> Callable[..., str]:
    """A function that puts an image of a digit (or other content) at a key; returns its reference."""
    images, _ = block_images(10, seed=7)

    def put(key: str, digit: int = 0, content: bytes | None = None, **options: str) -> str:
        s3.put_object(
            Bucket="digits", Key=key, Body=as_png(images[digit]) if content is None else content, **options
        )
        return f"s3://digits/{key}"

    return put


def fail_with(status: int, code: str) -> Callable[..., AWSResponse]:
    """A botocore hook that answers every request with an S3 error."""
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()

    class Raw(BytesIO):
        def stream(self, **_: object) -> Iterator[bytes]:
            yield self.read()

    return lambda request, **_: AWSResponse(request.url, status, HTTPHeaders(), Raw(body))


def test_an_image_gets_a_label_and_a_confidence(answer: Answer, upload: Callable[..., str]) -> None:
    """A good record is answered with its label and all probabilities, of which its label's is the largest."""
    (prediction,) = answer(upload("incoming/b/7.png", 7))
    assert prediction["label"] == 7
    assert 0.5 < prediction["confidence"] <= 1
    assert prediction["confidence"] == prediction["probabilities"][7] == max(prediction["probabilities"])
    assert len(prediction["probabilities"]) == 10
    assert sum(prediction["probabilities"]) == pytest.approx(1, abs=1e-3)
    assert set(prediction) == {"label", "confidence", "probabilities"}


def test_bad_records_cost_their_own_line_only(answer: Answer, upload: Callable[..., str]) -> None:
    """Among good records each bad one is answered with its reason, in its place."""
    answers = answer(
        upload("incoming/1.png", 1),
        f"{PREFIX}absent.png",
        upload("incoming/note.txt", content=b"hello"),
        upload("other/2.png", 2),
        "s3://foreign/s3://digits/incoming/2.png",
        upload("incoming/empty.png", content=b""),
        upload("incoming/3.png", 3),
    )
    assert [{name: each[name] for name in each if name in ("label", "error")} for each in answers] == [
        {"label": 1},
        {"error": "missing"},
        {"error": "not an image: expected PNG or JPEG"},
        {"error": "outside s3://digits/incoming/: s3://digits/other/2.png"},
        {"error": "outside s3://digits/incoming/: s3://foreign/s3://digits/incoming/2.png"},
        {"error": "not an image: expected PNG or JPEG"},
        {"label": 3},
    ]


def test_order_and_number_are_kept_over_many_fetchers(answer: Answer, upload: Callable[..., str]) -> None:
    """Three hundred records, fetched eight at a time, are answered one by one in their order."""
    digits = [(7 * position) % 10 for position in range(300)]
    references = [upload(f"incoming/{digit}.png", digit) for digit in range(10)]
    lines = answer(*(references[digit] if digit else f"{PREFIX}absent" for digit in digits))
    assert [line.get("label", 0) for line in lines] == digits
    assert sum(line == {"error": "missing"} for line in lines) == digits.count(0)


@pytest.mark.parametrize(
    "name",
    [
        "a+b.png",
        "a b.png",
        "%2e%2e/a.png",
        "100%.png",
        "a?b=c.png",
        "a#b.png",
        "ä ü 数字.png",
        "a//b.png",
        "a&b;=.png",
    ],
)
def test_a_key_is_taken_literally(answer: Answer, upload: Callable[..., str], name: str) -> None:
    """Keys with characters that mean something in a URL name the object that was uploaded so."""
    assert answer(upload(f"incoming/{name}", 4))[0]["label"] == 4


@pytest.mark.parametrize(
    "name",
    [
        "../secret.png",
        "a/../../secret.png",
        "./a.png",
        "a/..",
        "a\\b.png",
        "a\nb.png",
        "a\x00b",
        "\ud800.png",
        "",
    ],
)
def test_a_key_that_could_name_another_object_is_refused(
    answer: Answer, model: inference.Model, name: str
) -> None:
    """Dot segments, backslashes, control characters and lone surrogates are refused without a request."""
    requests: list[object] = []
    model.s3.meta.events.register("before-send.s3", lambda request, **_: requests.append(request))
    (line,) = answer(f"{PREFIX}{name}")
    expected = "not a key: dot segments" if name else "missing"
    assert line["error"].startswith(expected)
    assert bool(requests) == (name == "")


def test_an_object_above_the_bound_is_not_read(
    answer: Answer, model: inference.Model, upload: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object larger than the bound is an error record with both sizes, and its connection is closed."""
    assert inference.MAX_OBJECT_BYTES == 4 * 1024 * 1024
    monkeypatch.setattr(inference, "MAX_OBJECT_BYTES", 1000)
    bodies: list[Any] = []
    model.s3.meta.events.register(
        "after-call.s3.GetObject", lambda parsed, **_: bodies.append(parsed["Body"])
    )
    references = [upload(f"incoming/{size}.png", content=bytes(size)) for size in (1000, 1001)]
    assert answer(*references) == [
        {"error": "not an image: expected PNG or JPEG"},
        {"error": "not an image: expected at most 1,000 bytes, found 1,001"},
    ]
    large = next(body for body in bodies if body._content_length == "1001")
    assert large._amount_read == 0
    assert large._raw_stream.closed


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (403, "AccessDenied", "access denied"),
        (403, "InvalidObjectState", "archived: restore the object, then drop the batch again"),
        (400, "KeyTooLongError", "not a key: longer than 1,024 bytes"),
    ],
)
def test_an_error_of_s3_about_one_object_is_an_error_record(
    answer: Answer, model: inference.Model, status: int, code: str, reason: str
) -> None:
    """Errors that concern one object alone become the error of its line."""
    model.s3.meta.events.register("before-send.s3.GetObject", fail_with(status, code))
    assert answer(f"{PREFIX}1.png") == [{"error": reason}]


@pytest.mark.parametrize(
    ("status", "code", "attempts"),
    [
        (500, "InternalError", 6),
        (503, "SlowDown", 6),
        (503, "ServiceUnavailable", 6),
        (400, "RequestTimeout", 6),
        (400, "KMS.ThrottlingException", 1),
        (400, "ExpiredToken", 1),
        (404, "NoSuchBucket", 1),
        (403, "InvalidAccessKeyId", 1),
    ],
)
def test_a_failure_of_the_service_fails_the_request(
    answer: Answer,
    model: inference.Model,
    upload: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
    attempts: int,
) -> None:
    """Errors of the service or the credentials raise, after the client's attempts where they may pass."""
    monkeypatch.setattr(botocore.retries.standard.ExponentialBackoff, "delay_amount", lambda *_: 0)
    monkeypatch.setattr(botocore.retries.bucket.TokenBucket, "acquire", lambda *_: None)
    requests: list[object] = []
    model.s3.meta.events.register("before-send.s3.GetObject", lambda request, **_: requests.append(request))
    model.s3.meta.events.register("before-send.s3.GetObject", fail_with(status, code))
    with pytest.raises(ClientError, match=code):
        answer(upload("incoming/1.png", 1))
    assert len(requests) == attempts


@pytest.mark.parametrize("kind", [ReadTimeoutError, ConnectTimeoutError, EndpointConnectionError])
def test_a_connection_that_fails_fails_the_request_after_several_attempts(
    answer: Answer,
    model: inference.Model,
    upload: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    kind: type[BotoCoreError],
) -> None:
    """A time-out is retried, and a lasting one raises instead of becoming an error record."""
    monkeypatch.setattr(botocore.retries.standard.ExponentialBackoff, "delay_amount", lambda *_: 0)
    requests: list[object] = []

    def fail(request: Any, **_: object) -> None:
        requests.append(request)
        raise kind(endpoint_url=request.url, error="no route")

    model.s3.meta.events.register("before-send.s3.GetObject", fail)
    with pytest.raises(kind):
        answer(upload("incoming/1.png", 1))
    assert len(requests) == 6


@pytest.mark.parametrize("kind", [ReadTimeoutError, ResponseStreamingError, IncompleteReadError])
def test_a_connection_that_breaks_fails_the_request(
    answer: Answer,
    upload: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    kind: type[BotoCoreError],
) -> None:
    """An image whose bytes didn't all arrive isn't unreadable: the request fails, and is sent again."""

    def fail(*_: object, **__: object) -> bytes:
        raise kind(endpoint_url="s3", error="reset", actual_bytes=1, expected_bytes=2)

    monkeypatch.setattr(StreamingBody, "read", fail)
    with pytest.raises(kind):
        answer(upload("incoming/1.png", 1))


@pytest.mark.parametrize(("code", "limited"), [("SlowDown", True), ("InternalError", False)])
def test_a_client_that_is_throttled_sends_more_slowly(
    answer: Answer,
    model: inference.Model,
    upload: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    limited: bool,
) -> None:
    """Retries are adaptive: once S3 has said SlowDown, the client keeps to a rate of its own."""
    monkeypatch.setattr(botocore.retries.standard.ExponentialBackoff, "delay_amount", lambda *_: 0)
    waits: list[object] = []
    monkeypatch.setattr(botocore.retries.bucket.TokenBucket, "acquire", lambda *_: waits.append(None))
    failures = [fail_with(503, code)]
    model.s3.meta.events.register(
        "before-send.s3.GetObject",
        lambda request, **_: failures.pop()(request) if failures else None,
    )
    assert answer(upload("incoming/1.png", 1))[0]["label"] == 1
    assert bool(waits) == limited


def test_the_client_does_not_wait_for_ever(model: inference.Model) -> None:
    """Six attempts of 25 seconds each and their pauses are over before SageMaker's ten minutes are."""
    config = model.s3.meta.config
    assert 6 * (config.connect_timeout + config.read_timeout) <= 150


def test_a_failure_that_passes_leaves_no_trace(
    answer: Answer, model: inference.Model, upload: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt that fails and one that succeeds give the prediction."""
    monkeypatch.setattr(botocore.retries.standard.ExponentialBackoff, "delay_amount", lambda *_: 0)
    failures = [fail_with(500, "InternalError")]
    model.s3.meta.events.register(
        "before-send.s3.GetObject",
        lambda request, **_: failures.pop()(request) if failures else None,
    )
    assert answer(upload("incoming/1.png", 1))[0]["label"] == 1
    assert not failures


@pytest.mark.parametrize(
    "line",
    [
        b"", b"{", b"[1]", b'"s3://digits/incoming/1.png"', b"null", b"{}", b'{"source-ref": 7}', b"\xff\xfe",
        b"[" * 100_000, b'{"source-ref": null}',
    ],
)  # fmt: skip
def test_an_invalid_line_is_an_error_record(model: inference.Model, line: bytes) -> None:
    """A line without a reference is answered with an error, and its neighbours are answered as ever."""
    good = b'{"source-ref": "s3://digits/incoming/absent.png"}'
    records = inference.input_fn(b"\n".join([good, line, good]) + b"\n", "application/jsonlines")
    first, middle, last = inference.predict_fn(records, model)
    assert middle["error"].startswith("not a record: expected")
    assert first == last == {"error": "missing"}


@given(st.lists(st.text().filter(lambda line: "\n" not in line), max_size=20), st.booleans())
def test_a_request_has_as_many_records_as_lines(lines: list[str], ended: bool) -> None:
    """Only a line feed ends a record, though Unicode has other line breaks; the last record may lack it."""
    lines = [json.dumps({"source-ref": line}, ensure_ascii=False) for line in lines]
    body = "\n".join(lines) + ("\n" if ended and lines else "")
    records = inference.input_fn(body.encode(errors="surrogatepass"), "application/jsonlines")
    assert [record.decode(errors="surrogatepass") for record in records] == lines


def test_text_and_bytes_give_the_same_records() -> None:
    """Toolkits hand over bytes, bytearray or text, and write the content type in their own ways."""
    for body in (b"a\nb\n", bytearray(b"a\nb\n"), "a\nb\n"):
        for media_type in (
            "application/jsonlines; charset=utf-8",
            "Application/JSONLines ;x",
            "application/jsonlines",
        ):
            assert inference.input_fn(body, media_type) == [b"a", b"b"]


@pytest.mark.parametrize("media_type", ["application/json", "text/csv", "", "*/*"])
def test_other_media_types_are_refused(media_type: str) -> None:
    """A content or accept type that isn't JSON Lines is an error that names the one that is expected."""
    with pytest.raises(ValueError, match=r"Content-Type: expected application/jsonlines, found '"):
        inference.input_fn(b"", media_type)
    with pytest.raises(ValueError, match=r"Accept: expected application/jsonlines, found '"):
        inference.output_fn([], media_type)


def test_the_functions_have_the_toolkit_s_signatures() -> None:
    """The toolkit counts parameters: model_fn may take one more than the folder, for the context."""
    counts = {"model_fn": 2, "input_fn": 2, "predict_fn": 2, "output_fn": 2}
    for name, count in counts.items():
        assert len(inspect.signature(getattr(inference, name)).parameters) == count


@pytest.mark.parametrize(
    "prefix", ["", "s3://digits", "s3://digits/incoming", "digits/incoming/", "s3:///incoming/"]
)
def test_a_wrong_image_prefix_is_refused_at_the_start(
    s3: Any, artifact_folder: Path, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    """Without a folder in IMAGE_PREFIX no model is loaded: no reference could be allowed."""
    monkeypatch.setenv("IMAGE_PREFIX", prefix)
    with pytest.raises(ValueError, match=r"IMAGE_PREFIX: expected s3://bucket/folder/, found"):
        inference.model_fn(str(artifact_folder))


def test_the_environment_s_numbers_are_used_and_checked(
    s3: Any, artifact_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fetchers are the client's connections, too; 32 and one thread where nothing is said; 0 is refused."""
    threads = torch.get_num_threads()
    try:
        for fetchers, threads_of_torch in (("5", "2"), (None, None)):
            for name, value in (("IMAGE_FETCHERS", fetchers), ("OMP_NUM_THREADS", threads_of_torch)):
                monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
            loaded = inference.model_fn(str(artifact_folder))
            assert loaded.fetchers == loaded.s3.meta.config.max_pool_connections == int(fetchers or 32)
            assert torch.get_num_threads() == int(threads_of_torch or 1)
    finally:
        torch.set_num_threads(threads)
    monkeypatch.setenv("IMAGE_FETCHERS", "0")
    with pytest.raises(ValueError, match="IMAGE_FETCHERS: expected a number from 1 to 9999, found '0'"):
        inference.model_fn(str(artifact_folder))


@pytest.mark.parametrize("start", ["s3://elsewhere/", f"{PREFIX}../"])
def test_a_long_reference_is_shortened_in_its_error(answer: Answer, start: str) -> None:
    """A thousand lines of a kilobyte each would make an answer ten times as large as the others."""
    (line,) = answer(start + "x" * 1000)
    assert 200 < len(line["error"]) < 300


class Answers(nn.Module):
    """A network that gives the same logits for every image."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits of as many images."""
        return self.logits.expand(len(inputs), -1)


def test_a_prediction_is_the_likeliest_label_of_the_artifact(model: inference.Model) -> None:
    """The artifact says which label the largest logit's place has; its share is the confidence."""
    logits = torch.tensor([0.1, 0.2, 0.54326, 0.15674]).log()
    known = replace(model, network=Answers(logits), labels=[3, 5, 8, 9])
    assert inference.classify(known, [np.zeros((28, 28), np.uint8)]) == [
        {"label": 8, "confidence": 0.5433, "probabilities": [0.1, 0.2, 0.5433, 0.1567]}
    ]


def test_an_image_is_normalised_by_the_artifact_s_mean_and_deviation(
    model: inference.Model, block_images: Callable[..., tuple[np.ndarray, np.ndarray]]
) -> None:
    """The network sees what training showed it: pixels from 0 to 1, less the mean, by the deviation."""
    seen = []

    class Seeing(Answers):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            seen.append(inputs.clone())
            return super().forward(inputs)

    images, _ = block_images(3, seed=6)
    inference.classify(replace(model, network=Seeing(torch.zeros(10)), mean=0.13, std=0.31), list(images))
    expected = (torch.from_numpy(images).unsqueeze(1).double() / 255 - 0.13) / 0.31
    torch.testing.assert_close(seen[0].double(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin", ".pkl"])
def test_pickled_weights_are_never_loaded(s3: Any, tmp_path: Path, suffix: str) -> None:
    """A model folder with a pickle instead of safetensors is refused by the pickle's name."""
    (tmp_path / f"model{suffix}").write_bytes(b"")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FileNotFoundError) as error:
        inference.model_fn(str(tmp_path))
    assert str(error.value) == (
        f"{tmp_path}: expected model.safetensors, found model{suffix}: pickled weights can run code and are "
        "never loaded; train the model again"
    )


def test_a_folder_without_weights_is_named(s3: Any, tmp_path: Path) -> None:
    """Nothing is said of pickles where there is none."""
    with pytest.raises(FileNotFoundError) as error:
        inference.model_fn(str(tmp_path))
    assert str(error.value) == f"{tmp_path}: expected model.safetensors, found none"


def test_a_configuration_without_an_architecture_is_named(
    s3: Any, artifact_folder: Path, tmp_path: Path
) -> None:
    """A config.json that lacks what inference needs is an error with the file's name and the missing keys."""
    (tmp_path / "model.safetensors").write_bytes((artifact_folder / "model.safetensors").read_bytes())
    (tmp_path / "config.json").write_text('{"labels": [], "std": 1}')
    with pytest.raises(ValueError, match=r"config\.json: expected .* and std, found no arch, mean$"):
        inference.model_fn(str(tmp_path))


def test_only_warnings_of_pillow_are_errors(model: inference.Model) -> None:
    """Another package's is printed, and costs nobody a batch."""
    with pytest.warns(UserWarning, match="old"):
        warnings.warn("old", UserWarning, stacklevel=1)


def test_without_an_image_prefix_no_model_is_loaded(
    s3: Any, artifact_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says that the variable is empty, and that the model has to set it."""
    monkeypatch.delenv("IMAGE_PREFIX")
    with pytest.raises(ValueError, match=r"folder/, found '': set it on the model"):
        inference.model_fn(str(artifact_folder))


def test_as_many_images_are_fetched_at_once_as_the_environment_says(
    s3: Any, artifact_folder: Path, upload: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No request is answered before 40 are under way."""
    monkeypatch.setenv("IMAGE_FETCHERS", "40")
    loaded = inference.model_fn(str(artifact_folder))
    all_there = threading.Barrier(40)

    def wait(**_: object) -> None:
        all_there.wait(30)

    loaded.s3.meta.events.register("before-call.s3", wait)
    lines = [json.dumps({"source-ref": upload("incoming/b/0.png")}).encode()] * 40
    assert all("label" in prediction for prediction in inference.predict_fn(lines, loaded))


def test_images_are_classified_in_mini_batches_as_they_are_alone(
    model: inference.Model, block_images: Callable[..., tuple[np.ndarray, np.ndarray]]
) -> None:
    """130 images in one call get the labels that each gets alone, in the same order."""
    images, _ = block_images(130, seed=5)
    together = inference.classify(model, list(images))
    alone = [inference.classify(model, [image])[0] for image in images]
    assert [one["label"] for one in together] == [one["label"] for one in alone]
    assert len(together) == 130
    assert inference.classify(model, []) == []


def test_weights_that_are_not_numbers_are_not_loaded(s3: Any, artifact_folder: Path, tmp_path: Path) -> None:
    """The error names the file and the tensors, before any image is read."""
    shutil.copy(artifact_folder / "config.json", tmp_path)
    weights = load_file(artifact_folder / "model.safetensors")
    weights["0.norm.bias"][3] = float("nan")
    weights["0.conv.weight"][0] = float("inf")
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(
        ValueError,
        match=r"model\.safetensors: expected finite numbers, found others in 0\.conv\.weight, 0\.norm\.bias",
    ):
        inference.model_fn(str(tmp_path))


def test_logits_that_are_not_numbers_fail_the_request(
    model: inference.Model, block_images: Callable[..., tuple[np.ndarray, np.ndarray]]
) -> None:
    """Images without a confidence aren't unreadable: no prediction of their request is answered."""
    images, _ = block_images(3, seed=5)

    with pytest.raises(ValueError, match="logits: expected finite numbers, found others for 3 of 3 images"):
        inference.classify(replace(model, network=Answers(torch.tensor([0.0, float("inf")]))), list(images))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_output_never_says_nan(value: float) -> None:
    """JSON has no such word: whatever gave the confidence, the answer isn't written."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        inference.output_fn([{"label": 1, "confidence": value}], "application/jsonlines")
