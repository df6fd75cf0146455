"""The Ray Serve application: one replica (replica.py) per processor.

AWS's Ray Serve image starts it by `serve run deployment:app`, as SM_RAYSERVE_APP says, with the artifact's
`code/` on the path (https://aws.github.io/deep-learning-containers/ray/).
"""

import atexit
import os
import signal
import time

import ray
from ray import serve
from ray.serve import Application

ENDING_SECONDS = 10


def app(_: dict[str, str]) -> Application:
    """Build the application, in the process of `serve run`: when that process ends, the container does.

    Ray says how many processors there are: a container may see more than it may use, and replicas wait for a
    processor that Ray hasn't got for ever. A replica that can't load ends `serve run`, which has logged why.

    Raises RuntimeError where Ray has no processor.
    """
    atexit.register(_end_container)
    from replica import Digits  # here: an import that fails ends the container, too

    if not ray.is_initialized():
        ray.init(address="auto", namespace="serve")  # serve run's own
    resources: dict[str, float] = ray.cluster_resources()
    processors = int(resources.get("CPU", 0))
    if not processors:
        raise RuntimeError(f"Ray: expected a processor for a replica, found {resources}")
    digits = serve.deployment(
        num_replicas=processors,
        max_ongoing_requests=2,
        max_constructor_retry_count=1,  # the same artifact loads no better the second time
        ray_actor_options={"num_cpus": 1},
    )(Digits)
    return digits.bind()


def _end_container() -> None:
    """End the processes of this one's group, which in AWS's container are all that keep it up.

    Its shell starts `serve run` in the background and doesn't look at its end: its adapter in the foreground
    would answer SageMaker's pings with 503 for half an hour. When the adapter, or the `sleep` before it, is
    terminated, the shell ends with their status, as it has `set -e`; itself process 1, it ignores the signal
    (https://github.com/aws/deep-learning-containers/blob/main/scripts/docker/ray/sagemaker_entrypoint.sh).
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for _ in range(ENDING_SECONDS):
        os.killpg(
            os.getpgrp(), signal.SIGTERM
        )  # again, as between two commands the shell has no other process
        time.sleep(1)
    os._exit(1)
