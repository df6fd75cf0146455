"""The Ray Serve application around the four functions of inference.py.

AWS's Ray Serve image starts it through SM_RAYSERVE_APP=deployment:app, with the artifact's `code/` on the
path (https://aws.github.io/deep-learning-containers/ray/).
"""

import asyncio
import os
from pathlib import Path

from ray import serve
from starlette.requests import Request
from starlette.responses import Response

import inference

ARTIFACT = Path(__file__).resolve().parent.parent


class Digits:
    """One replica per core; while one request computes, the next one's images are fetched."""

    def __init__(self) -> None:
        self.model = inference.model_fn(str(ARTIFACT))

    async def __call__(self, request: Request) -> Response:
        """Answer JSON Lines with JSON Lines, and another media type with status 400 and the reason."""
        content_type = request.headers.get("content-type", "")
        accept = request.headers.get("accept", inference.JSON_LINES)
        try:
            records = inference.input_fn(await request.body(), content_type)
            predictions = await asyncio.to_thread(inference.predict_fn, records, self.model)
            body = inference.output_fn(predictions, accept)
        except inference.MediaTypeError as error:
            return Response(str(error), status_code=400, media_type="text/plain")
        return Response(body, media_type=inference.JSON_LINES)


replicas = serve.deployment(
    num_replicas=os.cpu_count() or 1, max_ongoing_requests=2, ray_actor_options={"num_cpus": 1}
)
app = replicas(Digits).bind()
