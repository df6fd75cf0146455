"""Injected faults: services that throttle, refuse, fail and are slow, lost events, and absent images.

Only what functions ask for meets those of services: requests under a role's temporary credentials that
aren't those of SageMaker's jobs. What a person asks for is answered as usual.
"""

import random
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud.core.cloud import Cloud

_SIGNED = re.compile(r"Credential=(?P<key>[^/]+)/\d+/[^/]+/(?P<service>[^/]+)/aws4_request")
_LIMITED = "SageMaker.CreateTransformJob"
_S3 = "<Error><Code>{code}</Code><Message>{text}</Message></Error>"
_QUERY = f"<ErrorResponse>{_S3}</ErrorResponse>"
_JSON = '{{"__type": "{code}", "message": "{text}"}}'


@dataclass
class Faults:
    """How often each fault happens: rates are probabilities, 0 to 1; the same `seed` gives the same draws.

    Requests of several threads come in another order each time, and so meet other draws. `counts` has the
    faults so far.
    """

    seed: int
    throttling: float = 0.0  # any service: ThrottlingException, SlowDown
    limits: float = 0.0  # CreateTransformJob: ResourceLimitExceeded
    server_errors: float = 0.0  # any service: 500, without effect
    lost_answers: float = 0.0  # any service: 500, although the request took effect
    slow: float = 0.0  # any service: the answer comes after `slow_seconds`
    lost_events: float = 0.0  # SageMaker's
    internal_errors: float = 0.0  # of transform jobs: they fail with InternalServerError, without output
    shortages: float = 0.0  # of transform and training jobs: they fail with CapacityError, before they begin
    slow_seconds: float = 0.5
    absent_images: set[str] = field(default_factory=set)  # `repository:tag` that no registry has
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 (no secret)
        self._guard = threading.Lock()

    def strikes(self, kind: str) -> bool:
        """Draw whether a fault of a kind happens now, and count it."""
        with self._guard:
            struck: bool = self._random.random() < getattr(self, kind)
            self.counts[kind] += struck
            return struck

    def plug_in(self, cloud: Cloud) -> None:
        """Put the faults between the server and moto, before events are routed and after jobs have worked."""
        _refuse_requests(cloud, self)
        _lose_events(cloud, self)
        _fail_transform_jobs(cloud, self)
        _lack_instances(cloud, self)
        _lack_images(cloud, self)


def _refuse_requests(cloud: Cloud, faults: Faults) -> None:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication  # moto's import costs a second

    def call(app: Any, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if "HTTP_X_AMZ_SECURITY_TOKEN" not in environ or _of_a_job(cloud, environ):
            return dispatch(app, environ, start_response)
        if faults.strikes("slow"):
            time.sleep(faults.slow_seconds)
        if environ.get("HTTP_X_AMZ_TARGET") == _LIMITED and faults.strikes("limits"):
            return _refuse(environ, start_response, 400, "ResourceLimitExceeded")
        if faults.strikes("throttling"):
            return _throttle(environ, start_response)
        if faults.strikes("server_errors"):
            return _refuse(environ, start_response, 500, "InternalFailure")
        if faults.strikes("lost_answers"):
            b"".join(dispatch(app, environ, lambda *_: lambda _: None))
            return _refuse(environ, start_response, 500, "InternalFailure")
        return dispatch(app, environ, start_response)

    dispatch: Callable[..., Iterable[bytes]] = cloud.patch(DomainDispatcherApplication, "__call__", call)


def _lose_events(cloud: Cloud, faults: Faults) -> None:
    """Lose events of SageMaker, which AWS sends at its best effort; S3's are durable."""

    def emit(
        cloud: Cloud, source: str, detail_type: str, detail: dict[str, Any], resources: list[str]
    ) -> str:
        if source == "aws.sagemaker" and faults.strikes("lost_events"):
            cloud.log_activity("event", detail_type, "lost")
            return str(uuid.uuid4())
        return send(cloud, source, detail_type, detail, resources)

    send: Callable[..., str] = cloud.patch(Cloud, "emit", emit)


def _fail_transform_jobs(cloud: Cloud, faults: Faults) -> None:
    from localcloud.sagemaker.errors import INTERNAL_ERROR, JobFailed
    from localcloud.sagemaker.transform.job import TransformJob

    def fail(job: TransformJob, uploads: dict[int, Any], outputs: Path) -> None:
        if faults.strikes("internal_errors"):
            raise JobFailed(INTERNAL_ERROR)
        complete_outputs(job, uploads, outputs)

    complete_outputs: Callable[..., None] = cloud.patch(TransformJob, "complete_outputs", fail)


def _lack_instances(cloud: Cloud, faults: Faults) -> None:
    from localcloud.sagemaker.errors import CAPACITY_ERROR, JobFailed
    from localcloud.sagemaker.jobs import Job

    def enter(job: Job, image: str, *permissions: Any) -> dict[str, str]:
        if faults.strikes("shortages"):
            raise JobFailed(CAPACITY_ERROR)
        return enter_role(job, image, *permissions)

    enter_role: Callable[..., dict[str, str]] = cloud.patch(Job, "enter_role", enter)


def _lack_images(cloud: Cloud, faults: Faults) -> None:
    """Refuse models of images that are absent.

    CreateModel looks for its image: https://github.com/aws-samples/easy-amazon-sagemaker-deployments/issues/4
    """
    from moto.sagemaker.models import SageMakerModelBackend

    from localcloud.sagemaker.errors import invalid
    from localcloud.sagemaker.models import definition_of

    def create_model(backend: Any, **values: Any) -> Any:
        container = values.get("primary_container")
        image = definition_of(backend, container).image if container else ""
        if image.partition("/")[2] in faults.absent_images:
            raise invalid(f"Requested image {image} not found.")
        return create(backend, **values)

    create: Callable[..., Any] = cloud.patch(SageMakerModelBackend, "create_model", create_model)


def _throttle(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if _signed(environ, "service") == "s3":
        return _refuse(environ, start_response, 503, "SlowDown")
    return _refuse(environ, start_response, 400, "ThrottlingException")


def _signed(environ: dict[str, Any], part: str) -> str:
    signed = _SIGNED.search(environ.get("HTTP_AUTHORIZATION", ""))
    return signed[part] if signed else ""


def _of_a_job(cloud: Cloud, environ: dict[str, Any]) -> bool:
    """Whether a request is a transform or training job's: its name is that of its session."""
    from moto.sagemaker.models import sagemaker_backends
    from moto.sts.models import sts_backends

    role = sts_backends[cloud.account_id]["aws"].get_assumed_role_from_access_key(_signed(environ, "key"))
    backend = sagemaker_backends[cloud.account_id][cloud.region]
    return role is not None and role.session_name in {*backend.transform_jobs, *backend.training_jobs}


def _refuse(
    environ: dict[str, Any], start_response: Callable[..., Any], status: int, code: str
) -> Iterable[bytes]:
    """Answer an error in the form of the request's service, and end the connection: its body isn't read."""
    json = "HTTP_X_AMZ_TARGET" in environ
    form = _JSON if json else _S3 if _signed(environ, "service") == "s3" else _QUERY
    body = form.format(code=code, text="A fault that the local cloud injects.").encode()
    kind = "application/x-amz-json-1.1" if json else "text/xml"
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Connection", "close")]
    start_response(f"{status} {code}", headers)
    return [body]
