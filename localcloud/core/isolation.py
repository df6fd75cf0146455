"""Keeps the local cloud, its clients and its processes away from any real account.

The order in which boto3 looks for credentials and settings is documented at
https://docs.aws.amazon.com/boto3/latest/guide/credentials.html; every place in that list is closed here.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1")
OPERATOR = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
NO_PROXY = ",".join(LOOPBACK)


class ForeignEndpointError(Exception):
    """A request was about to leave this machine."""


def refuse_foreign(url: str) -> None:
    """Raise ForeignEndpointError unless `url` names this machine's loopback interface."""
    if urlsplit(url).hostname not in LOOPBACK:
        raise ForeignEndpointError(
            f"The local cloud talks to this machine only, but the endpoint is {url!r}; "
            f"expected a URL on one of {', '.join(LOOPBACK)}. Unset AWS_ENDPOINT_URL, or use the "
            "endpoint that the local cloud prints."
        )


def on_loopback(send: Callable[..., Any]) -> Callable[..., Any]:
    """Make a botocore session's `send` refuse every request that would leave this machine."""

    def send_on_loopback(session: Any, request: Any) -> Any:
        refuse_foreign(request.url)
        return send(session, request)

    return send_on_loopback


def account_variables(region: str, endpoint_url: str) -> dict[str, str]:
    """The variables that send a program's AWS clients to `endpoint_url`, whatever is configured elsewhere."""
    refuse_foreign(endpoint_url)
    return {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": NO_PROXY,
        "no_proxy": NO_PROXY,
    }


def process_variables(home: Path) -> dict[str, str]:
    """The few variables of this machine that a process needs to run at all; its files stay below `home`."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    temporary = home / "tmp"
    temporary.mkdir(exist_ok=True)
    return {**kept, "LANG": "C.UTF-8", "TZ": "UTC", "HOME": str(home), "TMPDIR": str(temporary)}


class Isolation:
    """The AWS settings of this program, replaced by the local cloud's until `restore` is called.

    Every AWS_* and MOTO_* variable is removed, so that no profile, region or endpoint of the person's
    shell has a say. Proxies stay, because installing packages may need them, but loopback bypasses them.
    """

    def __init__(self) -> None:
        self._before: dict[str, str | None] = {}
        for name in [name for name in os.environ if name.startswith(("AWS_", "MOTO_"))]:
            self._before[name] = os.environ.pop(name)

    def set(self, variables: Mapping[str, str]) -> None:
        """Set `variables` for this program, until `restore`."""
        for name, value in variables.items():
            self._before.setdefault(name, os.environ.get(name))
            os.environ[name] = value

    def restore(self) -> None:
        """Leave the environment as it was found."""
        for name, value in self._before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
