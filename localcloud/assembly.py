"""The whole local cloud: which parts it has, and in which order they change moto."""

from collections.abc import Sequence
from pathlib import Path

from localcloud.core.activity import Listener
from localcloud.core.cloud import Cloud, PlugIn
from localcloud.faults import Faults


def local_cloud(
    listener: Listener | None = None,
    port: int = 0,
    state: Path | None = None,
    faults: Faults | None = None,
) -> Cloud:
    """An AWS account on this machine, to be used in a `with` statement; `Cloud` says what the first two are.

    `state` names a folder that keeps the account from one cloud to the next (`persistence.py`). `faults` make
    services fail and events get lost, at the rates that they give.
    """

    def assemble() -> Sequence[PlugIn]:
        return [*_services(), *_persistence(state), *([faults] if faults else [])]

    return Cloud(assemble, listener, port)


def _services() -> list[PlugIn]:
    """Every service that differs from moto's. A later one's changes are wrapped around an earlier one's.

    They import moto, which takes a second that commands without a cloud don't pay.
    """
    from localcloud import sns, sqs
    from localcloud.cloudformation import service as cloudformation
    from localcloud.eventbridge import service as eventbridge
    from localcloud.iam import service as iam
    from localcloud.lambda_ import service as lambda_
    from localcloud.s3 import service as s3
    from localcloud.sagemaker import service as sagemaker

    return [cloudformation, eventbridge, iam, lambda_, s3, sagemaker, sns, sqs]


def _persistence(folder: Path | None) -> list[PlugIn]:
    if folder is None:
        return []
    from localcloud.persistence import State

    return [State(folder)]
