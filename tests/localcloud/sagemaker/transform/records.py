"""The records of a transform job, and where its log goes."""

import json
from typing import Any

GROUP = "TransformJobs"


def lines(*records: Any) -> str:
    """Write JSON Lines."""
    return "".join(json.dumps(record) + "\n" for record in records)
