"""The end of the cloud while SageMaker's jobs run."""

import os
import textwrap
import threading
from typing import Any

import pytest

from localcloud.assembly import local_cloud
from tests.localcloud.sagemaker.sagemaker_account import BUCKET, ECHO, Account, make_role

SLEEP = "import os, time\nprint('child', os.getpid(), flush=True)\ntime.sleep(300)\n"


def test_no_job_outlives_the_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopping the cloud ends scripts, trials and model servers: no error in any thread, no file left."""
    errors: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", errors.append)
    logged: list[str] = []
    begun = threading.Semaphore(0)

    def listen(activity: Any) -> None:
        if activity.text.startswith("child "):
            logged.append(activity.text)
            begun.release()

    with local_cloud(listen) as cloud:
        account = Account(cloud)
        make_role(cloud)
        account.s3.create_bucket(Bucket=BUCKET)
        account.train(SLEEP, wait=False)
        predict = f"def predict_fn(records, model):\n{textwrap.indent(SLEEP, '    ')}"
        account.transform(account.model(ECHO + predict), {"a": "1\n", "b": "2\n"}, wait=False)
        account.tune(SLEEP, wait=False)
        for _ in range(3):
            assert begun.acquire(timeout=120)
        folder = cloud.folder
    for line in logged:
        with pytest.raises(ProcessLookupError):
            os.kill(int(line.split()[1]), 0)
    assert errors == []
    assert not folder.exists()
