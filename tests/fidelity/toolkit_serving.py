"""AWS's PyTorch serving toolkit without TorchServe: `toolkit_serving.py <artifact> <requests> <answers>`.

It takes TorchServe's place (https://github.com/pytorch/serve/blob/master/ts/service.py): it passes every file
of one folder to the toolkit's handler as the body of a request, and writes the status and the answer as
`<status>-<name>` into the other.
"""

import sys
from pathlib import Path
from typing import Any

from sagemaker_pytorch_serving_container.handler_service import HandlerService

JSON_LINES = "application/jsonlines"


class Context:
    """The model server's context that the handler reads: the server's and one request's properties."""

    def __init__(self, artifact: str) -> None:
        self.model_name = "model"
        self.system_properties = {"model_dir": artifact, "gpu_id": None}
        self.request_processor = [self]
        self.status = 200

    def get_request_properties(self) -> dict[str, str]:
        """The request's headers."""
        return {"Content-Type": JSON_LINES, "Accept": JSON_LINES}

    def set_response_content_type(self, _index: int, content_type: str) -> None:
        """Refuse an answer of another type than requested."""
        if content_type != JSON_LINES:
            raise ValueError(f"Content-Type: expected {JSON_LINES}, found {content_type}")

    def set_response_status(self, code: int, phrase: str) -> None:
        """Record the answer's status."""
        self.status = code


def main(artifact: str, requests: Path, answers: Path) -> None:
    """Load the model once, then answer each request in its own context."""
    handler: Any = HandlerService()
    handler.initialize(Context(artifact))
    for request in sorted(requests.iterdir()):
        context = Context(artifact)
        (answer,) = handler.handle([{"body": request.read_bytes()}], context)
        (answers / f"{context.status}-{request.name}").write_text(answer, encoding="utf-8", newline="")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
