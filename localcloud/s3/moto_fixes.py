"""S3: conditional writes that are checked and done at once.

Of two writers with If-None-Match or If-Match at the same time, one wins; moto checks first and writes then,
each request in a thread of its own. https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

import threading
from typing import Any

from moto.s3.responses import S3Response

from localcloud.core.cloud import Cloud


def plug_in(cloud: Cloud) -> None:
    """Let one PutObject with a condition finish before the next one is looked at."""
    one_at_a_time = threading.RLock()

    def put_object(response: Any) -> Any:
        if "If-Match" not in response.headers and "If-None-Match" not in response.headers:
            return put(response)
        with one_at_a_time:
            return put(response)

    put = cloud.patch(S3Response, "put_object", put_object)
