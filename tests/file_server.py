"""A server of files on this machine that can break off, ignore ranges or lie about them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class FileServer:
    """Files and faults by their paths, a fault for a request; the requests with their Range headers."""

    address: str
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)  # break, whole, lie, 503, drop
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@contextmanager
def serving() -> Iterator[FileServer]:
    """A server for as long as the block lasts."""
    served = FileServer("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers["Range"]
            served.asked.append((self.path, wanted))
            fault = (served.faults.get(self.path) or [""]).pop(0)
            content = served.files.get(self.path)
            begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and fault != "whole" else 0
            if fault == "drop":
                return
            if content is None or fault == "503" or (begin and begin >= len(content)):
                self.send_error(404 if content is None else 503 if fault else 416)
                return
            self.send_response(206 if begin else 200)
            if begin:
                first = begin - 1 if fault == "lie" else begin
                self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - begin))
            self.end_headers()
            end = begin + (len(content) - begin) // 2 if fault == "break" else len(content)
            self.wfile.write(content[begin:end])

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.address = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield served
        server.shutdown()
