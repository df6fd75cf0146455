"""What one replica of the Ray Serve application does: the four functions of inference.py for each request."""

import asyncio
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

import inference

ARTIFACT = Path(__file__).resolve().parent.parent


class Digits:
    """A loaded model; while one request computes, the next one's images are fetched."""

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
