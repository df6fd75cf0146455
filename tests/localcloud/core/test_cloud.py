"""The local cloud starts empty, keeps to this machine and leaves nothing behind."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

from localcloud.assembly import local_cloud
from localcloud.core import cloud as cloud_module
from localcloud.core.cloud import CloudError
from localcloud.core.isolation import ForeignEndpointError, account_variables
from localcloud.iam.roles import role_environment
from localcloud.lambda_ import worker
from tests.localcloud.stack_account import Account
from tests.wait import until

STACK = """
Resources:
  Queue: {Type: AWS::SQS::Queue}
  F:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: threaded
      Handler: app.handler
      Events: {Queue: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn}}}
"""


def test_the_shells_account_is_isolated_and_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client made without any argument reaches the cloud; afterwards the shell is as before."""
    monkeypatch.setenv("AWS_PROFILE", "a-profile-that-exists-nowhere")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a real key")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.eu-central-1.amazonaws.com")
    monkeypatch.delenv("AWS_CONFIG_FILE", raising=False)
    before = dict(os.environ)
    with local_cloud() as cloud:
        cloud.client("s3").create_bucket(Bucket="only-here")
        buckets = boto3.session.Session().client("s3").list_buckets()["Buckets"]
        assert [bucket["Name"] for bucket in buckets] == ["only-here"]
    assert dict(os.environ) == before


def test_a_client_of_another_address_is_refused() -> None:
    """While the cloud runs no request leaves the machine, not even one with its own endpoint."""
    with local_cloud(), pytest.raises(ForeignEndpointError, match=r"sts\.us-east-1\.amazonaws\.com"):
        boto3.client("sts", endpoint_url="https://sts.us-east-1.amazonaws.com").get_caller_identity()


def test_an_endpoint_elsewhere_is_refused() -> None:
    """A child's environment can't be made for an endpoint that isn't loopback."""
    with pytest.raises(ForeignEndpointError, match="expected a URL on one of localhost"):
        account_variables("us-east-1", "http://10.0.0.1:5000")


def test_proxies_are_bypassed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that doesn't answer gets no request meant for the cloud."""
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with local_cloud() as cloud:
        assert cloud.client("s3").list_buckets()["Buckets"] == []
        assert boto3.client("sqs").list_queues().get("QueueUrls", []) == []


def test_a_second_cloud_is_an_error() -> None:
    """A program has one cloud at a time, so the second one says where the first one is."""
    with local_cloud() as first:
        with pytest.raises(CloudError, match=first.endpoint_url):
            local_cloud().start()
        assert first.client("s3").list_buckets()["Buckets"] == []


def test_a_later_cloud_starts_empty() -> None:
    """Nothing of a stopped cloud is left in the next one, nor in the one after it."""
    for _ in range(3):
        with local_cloud() as cloud:
            assert cloud.client("s3").list_buckets()["Buckets"] == []
            assert cloud.client("sqs").list_queues().get("QueueUrls", []) == []
            cloud.client("s3").create_bucket(Bucket="left-behind")
            cloud.client("sqs").create_queue(QueueName="left-behind")


def test_another_moto_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the version that is needed and the one that was found, and no cloud is left running."""
    monkeypatch.setattr(cloud_module, "version", lambda _package: "1.0")
    with pytest.raises(CloudError, match=r"needs moto 5\.2\.5, but 1\.0 is installed"):
        local_cloud().start()
    monkeypatch.undo()
    with local_cloud() as cloud:
        assert cloud.port > 0


def test_stopping_ends_children_and_grandchildren_and_removes_the_folder() -> None:
    """A child's own child holds a pipe that only closes when it ends, too."""
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    with local_cloud() as cloud:
        folder = cloud.folder
        child = cloud.run([sys.executable, "-c", script], env=dict(os.environ), cwd=folder)
    assert child.returncode is not None
    assert child.stdout is not None
    assert child.stdout.read() == ""
    assert not folder.exists()


def test_a_child_sees_the_role_and_nothing_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child's environment holds the role's credentials and none of the person's variables."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a real secret")
    monkeypatch.setenv("SOME_TOKEN", "private")
    with local_cloud() as cloud:
        role = "arn:aws:iam::123456789012:role/worker"
        environment = role_environment(cloud, role, "test")
        script = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
        answer = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
    assert answer.stdout.strip() == "arn:aws:sts::123456789012:assumed-role/worker/test"
    assert "private" not in environment.values()
    assert "a real secret" not in environment.values()
    assert Path(environment["AWS_CONFIG_FILE"]) == Path(os.devnull)


def test_stopping_leaves_no_thread(tmp_path: Path) -> None:
    """A function's worker, its API, the pollers and the server's threads end with the cloud."""
    before = set(threading.enumerate())
    with local_cloud() as cloud:
        account = Account(cloud, tmp_path)
        account.deploy("threads", STACK, "def handler(event, context):\n    return 1\n")
        assert account.invoke("threaded") == (1, None)
        assert set(threading.enumerate()) > before
    until(lambda: set(threading.enumerate()) <= before, seconds=5)


BOTH = """
Resources:
  Left: {Type: AWS::Serverless::Function, Properties: {FunctionName: left, Handler: app.handler}}
  Right: {Type: AWS::Serverless::Function, Properties: {FunctionName: right, Handler: app.handler}}
"""


def test_functions_that_are_first_invoked_at_once_share_what_they_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two functions of one zip, invoked at the same time in a new cloud, both answer: one of them unpacks."""
    both_unpack, extract = threading.Barrier(2), zipfile.ZipFile.extractall

    def extract_together(archive: zipfile.ZipFile, folder: Path) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            both_unpack.wait(0.5)
        extract(archive, folder)

    monkeypatch.setattr(zipfile.ZipFile, "extractall", extract_together)
    with local_cloud() as cloud:
        account = Account(cloud, tmp_path)
        account.deploy("both", BOTH, "def handler(event, context):\n    import boto3\n    return 1\n")
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(account.invoke, ("left", "right"))) == [(1, None), (1, None)]
    assert both_unpack.broken


def test_a_stopped_cloud_does_not_start_again() -> None:
    """A Cloud is started once: a second start says so, and leaves room for another one."""
    with local_cloud() as cloud:
        pass
    with pytest.raises(CloudError, match=r"has been stopped\. Make another one"):
        cloud.start()
    with local_cloud() as other:
        assert other.client("s3").list_buckets()["Buckets"] == []


def test_names_that_were_added_go_with_the_cloud() -> None:
    """An action that moto lacks exists while a cloud runs, and not afterwards."""
    from moto.sagemaker.responses import SageMakerResponse

    with local_cloud():
        assert hasattr(SageMakerResponse, "stop_transform_job")
    assert not hasattr(SageMakerResponse, "stop_transform_job")


def test_a_child_that_cannot_start_leaves_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runtime API of a worker whose program doesn't exist is closed, and its error says why."""
    monkeypatch.setattr(worker, "command", lambda _handler: ["/no/such/python"])
    with local_cloud() as cloud:
        account = Account(cloud, tmp_path)
        account.deploy("threads", STACK, "def handler(event, context):\n    return 1\n")
        answer, error = account.invoke("threaded")
        assert (error, "/no/such/python" in answer["errorMessage"]) == ("Unhandled", True)
        assert [thread.name for thread in threading.enumerate() if thread.name == "runtime API"] == []


# A program inherits signals that are ignored, as a program in the background has them: here they count.
IN_THE_FOREGROUND = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
"""
INTERRUPTED = """
import sys, time
from localcloud.assembly import local_cloud

with local_cloud() as cloud:
    child = cloud.run([sys.executable, "-c", "import time; time.sleep(600)"], env={}, cwd=cloud.folder)
    print(cloud.folder, child.pid, flush=True)
    time.sleep(600)
"""


def test_an_interrupt_ends_children_and_removes_the_folder() -> None:
    """A Ctrl-C of the program leaves neither its child nor its folder."""
    root = str(Path(__file__).parents[3])
    program = subprocess.Popen(
        [sys.executable, "-c", IN_THE_FOREGROUND + INTERRUPTED],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    folder, child = program.stdout.readline().split()
    program.send_signal(signal.SIGINT)
    _, errors = program.communicate(timeout=120)
    assert "KeyboardInterrupt" in errors
    assert not Path(folder).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(child), 0)


DEMO = f"""
import cli.demo, cli.main

def run(*_given):
    exec({INTERRUPTED!r})

cli.demo.run = run
cli.main.app(["demo"])
"""


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_demo_ends_its_children_at_every_usual_signal(signal_number: signal.Signals) -> None:
    """A Ctrl-C, a `kill` and a closed terminal end the demo with its child and its folder."""
    program = subprocess.Popen(
        [sys.executable, "-c", IN_THE_FOREGROUND + DEMO],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    folder, child = program.stdout.readline().split()
    program.send_signal(signal_number)
    assert program.wait(timeout=120) == 128 + signal_number
    assert not Path(folder).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(child), 0)
    program.stdout.close()
