"""A model server: the four functions of an artifact's inference code behind /ping and /invocations.

It runs as a program of its own, `serving.py <model folder> <port file>`, and imports nothing of this package:
it takes the place of the serving toolkits of AWS's images
(https://github.com/aws/sagemaker-inference-toolkit, https://sagemaker.readthedocs.io/en/v2/frameworks/pytorch).
Its contract is that of https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html.
"""

import importlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer
from typing import Any

FUNCTIONS = ("model_fn", "input_fn", "predict_fn", "output_fn")
Predict = Callable[[bytes, str, str], bytes]


def load(folder: Path) -> Predict:
    """Import the inference code of an unpacked artifact, load its model, and return what answers a request.

    The code is `code/inference.py`, or what SAGEMAKER_PROGRAM names there; `code/` and the folder itself are
    importable. Raise FileNotFoundError or AttributeError when it or one of its functions is missing.
    """
    program = os.environ.get("SAGEMAKER_PROGRAM", "inference.py")
    if not (folder / "code" / program).is_file():
        raise FileNotFoundError(f"the model artifact holds no code/{program}")
    sys.path[:0] = [str(folder / "code"), str(folder)]
    module = importlib.import_module(program.removesuffix(".py"))
    missing = [name for name in FUNCTIONS if not hasattr(module, name)]
    if missing:
        raise AttributeError(f"code/{program} lacks {', '.join(missing)}")
    model = module.model_fn(str(folder))

    def predict(body: bytes, content_type: str, accept: str) -> bytes:
        prediction = module.predict_fn(module.input_fn(body, content_type), model)
        answer: Any = module.output_fn(prediction, accept)
        if isinstance(answer, str):
            return answer.encode()
        if isinstance(answer, bytes):
            return answer
        raise TypeError(f"output_fn returned {type(answer).__name__}, expected str or bytes")

    return predict


def make_handler(predict: Predict) -> type[BaseHTTPRequestHandler]:
    """Return the class that answers requests with `predict`."""

    class Handler(BaseHTTPRequestHandler):
        """One connection, kept open from request to request."""

        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            """Answer the health check."""
            self.answer(200 if self.path == "/ping" else 404, b"")

        def do_POST(self) -> None:
            """Answer predictions; an error of the inference code is its `status_code`, or 500."""
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path != "/invocations":
                self.answer(404, b"")
                return
            types = (self.headers.get("Content-Type", ""), self.headers.get("Accept", "*/*"))
            try:
                answer = predict(body, *types)
            except Exception as error:  # noqa: BLE001 - whatever the model's code raises is its answer
                traceback.print_exc()
                self.answer(int(getattr(error, "status_code", 500)), str(error).encode())
            else:
                self.answer(200, answer, types[1])

        def answer(self, status: int, body: bytes, content_type: str = "text/plain") -> None:
            """Send a whole answer."""
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
            """Keep requests out of the job's log."""

    return Handler


class Server(ThreadingTCPServer):
    """A thread a connection; as many connections may wait as a job may have requests."""

    daemon_threads = True
    request_queue_size = 128


def end_with_parent(parent: int) -> None:
    """End this process when its parent has been killed, which then can't end it."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def main(folder: Path, port_file: Path) -> None:
    """Load the model, listen on a free loopback port, write its number to a file, and serve until killed."""
    threading.Thread(target=end_with_parent, args=(os.getppid(),), daemon=True).start()
    server = Server(("127.0.0.1", 0), make_handler(load(folder)))
    complete = port_file.with_suffix(".new")
    complete.write_text(str(server.server_address[1]), encoding="ascii")
    complete.rename(port_file)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
