"""The variables that lead another terminal to the local cloud."""

from localcloud.core.cloud import Cloud
from localcloud.core.isolation import OPERATOR


def export_lines(cloud: Cloud, stack: str | None = None) -> list[str]:
    """Commands for a shell, each shorter than 80 characters; with `stack`, `digits` finds that one."""
    lines = [
        f"  export AWS_ENDPOINT_URL={cloud.endpoint_url} AWS_DEFAULT_REGION={cloud.region}",
        "  export " + " ".join(f"{name}={value}" for name, value in OPERATOR.items()),
    ]
    return lines if stack is None else [*lines, f"  export DIGITS_STACK={stack}"]
