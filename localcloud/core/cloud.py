"""The local cloud: moto's server in this program, and what moto lacks plugged into it.

It knows no AWS service: `localcloud.assembly` hands it the plug-ins. moto keeps its state in module globals
and is changed here by replacing its functions, so a program has at most one cloud at a time. Nothing survives
`stop`: neither state nor threads, processes, files or settings.
"""

import atexit
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self

from botocore.httpsession import URLLib3Session

from localcloud.core.activity import Activity, Listener
from localcloud.core.clients import make_client
from localcloud.core.gate import Gate
from localcloud.core.isolation import OPERATOR, Isolation, account_variables, on_loopback
from localcloud.core.keeping import Part
from localcloud.core.patches import Patches
from localcloud.core.processes import Processes

MOTO_VERSION = "5.2.5"
STOP_SECONDS = 0.02  # how often the server looks whether it is to stop; werkzeug's own is 0.5
GRACE_SECONDS = 3.0  # a process gets this long between SIGTERM and SIGKILL, a thread to notice `stopping`


class CloudError(Exception):
    """The local cloud can't do what was asked; the message says why and what to do."""


class PlugIn(Protocol):
    """A part of the cloud: a service's module, or an object with settings of its own."""

    def plug_in(self, cloud: "Cloud") -> None:
        """Change moto with `cloud.patch`, start threads with `cloud.spawn`; all of it ends with the cloud."""


class Cloud:
    """An AWS account on this machine's loopback interface, for as long as the `with` block lasts.

    `assemble` returns the plug-ins in the order in which they change moto; `start` calls it, so that nothing
    imports moto before. `listener` is called for everything that happens, from whichever thread it happens
    in; it must be quick and safe to call from many threads. `port` is 0 for whichever is free.
    """

    region: ClassVar[str] = "us-east-1"
    account_id: ClassVar[str] = "123456789012"
    _running: ClassVar["Cloud | None"] = None
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(
        self,
        assemble: Callable[[], Sequence[PlugIn]],
        listener: Listener | None = None,
        port: int = 0,
    ) -> None:
        self.listener = listener
        self.stopping = threading.Event()
        self.events: SimpleQueue[dict[str, Any] | None] = SimpleQueue()  # None: look whether to stop
        self.unrouted: dict[
            str, dict[str, Any]
        ] = {}  # the events that haven't been delivered yet, by their id
        self.gate = Gate()
        self.parts: dict[str, Part] = {}  # what is kept from one cloud to the next, by the name of its part
        self.port = port
        # what roles were allowed: the role, its policies, the request
        self.authorised: set[tuple[str, tuple[str, ...], Any]] = set()
        self._assemble = assemble
        self._at_stop = ExitStack()
        self._threads: list[threading.Thread] = []
        self._processes = Processes()
        self._patches = Patches()
        self._clients: dict[str, Any] = {}
        self._server: Any = None
        self._isolation: Isolation | None = None
        self._guard = threading.RLock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @classmethod
    def current(cls) -> "Cloud":
        """The cloud that runs in this program. Raise CloudError when none does."""
        if cls._running is None:
            raise CloudError("No local cloud runs in this program; start one with `with local_cloud():`.")
        return cls._running

    @property
    def endpoint_url(self) -> str:
        """Where the cloud answers.

        It is named localhost: moto recognises no TemplateURL below 127.0.0.1.
        """
        return f"http://localhost:{self.port}"

    def start(self) -> None:
        """Start an empty account.

        Raise CloudError when one runs already in this program, when this one has been stopped, when its port
        is taken, or when moto isn't the pinned version.
        """
        if self.stopping.is_set():
            raise CloudError("This local cloud has been stopped. Make another one: a Cloud starts once.")
        found = version("moto")
        if found != MOTO_VERSION:
            raise CloudError(
                f"The local cloud changes moto from inside and needs moto {MOTO_VERSION}, but {found} is "
                f"installed. Install moto=={MOTO_VERSION}."
            )
        _refuse_taken(self.port)
        with Cloud._lock:
            if Cloud._running is not None:
                raise CloudError(
                    f"A local cloud runs already in this program, at {Cloud._running.endpoint_url}. "
                    "Use that one, or stop it first: moto's state belongs to the whole program."
                )
            Cloud._running = self
        atexit.register(self.stop)
        self.folder = Path(tempfile.mkdtemp(prefix="localcloud-")).resolve()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        # moto takes a second to import, which commands that need no cloud don't pay
        from moto.moto_server.threaded_moto_server import ThreadedMotoServer
        from moto.moto_server.werkzeug_app import MotoRequestHandler
        from werkzeug.serving import BaseWSGIServer

        self._isolation = Isolation()
        self._isolation.set({"MOTO_IAM_LOAD_MANAGED_POLICIES": "true", "MOTO_ACCOUNT_ID": self.account_id})
        _empty_moto()
        self.patch(MotoRequestHandler, "log_request", lambda *_args, **_options: None)
        self.patch(BaseWSGIServer, "serve_forever", _soon_stopped(BaseWSGIServer.serve_forever))
        self._count_changes()
        self.patch(URLLib3Session, "send", on_loopback(URLLib3Session.send))
        for part in self._assemble():
            part.plug_in(self)
        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()
        self.port = self._server.get_host_and_port()[1]
        self._isolation.set({**OPERATOR, **account_variables(self.region, self.endpoint_url)})

    def _count_changes(self) -> None:
        """Let every request to the server be a change of the account."""
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication

        def call(app: Any, environ: Any, start_response: Any) -> Any:
            with self.gate.change():
                return dispatch(app, environ, start_response)

        dispatch = self.patch(DomainDispatcherApplication, "__call__", call)

    def stop(self) -> None:
        """End every process and thread, forget all state, restore this program's settings; safe to repeat."""
        if Cloud._running is not self:
            return
        self.stopping.set()
        self.events.put(None)
        with self._guard:
            self._processes.end(GRACE_SECONDS)
        deadline = time.monotonic() + GRACE_SECONDS
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))
        for client in self._clients.values():
            client.close()  # else the server's threads wait for its next request
        if self._server is not None:
            self._server.stop()
        try:
            self._at_stop.close()
        finally:
            self._forget()

    def _forget(self) -> None:
        self._patches.undo()
        if self._isolation is not None:
            self._isolation.restore()
            _empty_moto()  # after its settings: no managed policies are parsed for nobody
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.stop)
        with Cloud._lock:
            Cloud._running = None

    def client(self, service: str) -> Any:
        """A boto3 client of this account with the operator's credentials; the same one for every caller."""
        with self._guard:
            if service not in self._clients:
                environment = {**OPERATOR, **account_variables(self.region, self.endpoint_url)}
                self._clients[service] = make_client(service, environment)
            return self._clients[service]

    def log_activity(self, kind: str, name: str, text: str) -> None:
        """Call the listener with an Activity of now."""
        if self.listener is not None:
            self.listener(Activity(kind, name, text, datetime.now(UTC)))

    def emit(self, source: str, detail_type: str, detail: dict[str, Any], resources: list[str]) -> str:
        """Put an event on the default bus and return its id; events are routed in the order of the calls."""
        identifier = str(uuid.uuid4())
        self.route(
            {
                "version": "0",
                "id": identifier,
                "detail-type": detail_type,
                "source": source,
                "account": self.account_id,
                "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "region": self.region,
                "resources": resources,
                "detail": detail,
            }
        )
        return identifier

    def route(self, event: dict[str, Any]) -> None:
        """Have an event routed; it stays in `unrouted` until it has been."""
        self.unrouted[event["id"]] = event
        self.events.put(event)

    def keep(self, name: str, part: Part) -> None:
        """Keep a part from one cloud to the next; later parts are saved, restored and resumed later."""
        self.parts[name] = part

    def unfinished(self) -> dict[str, int]:
        """What is under way, counted by what one of it is called."""
        counted: Counter[str] = Counter()
        for part in self.parts.values():
            counted.update(part.unfinished())
        return {name: count for name, count in counted.items() if count}

    def on_stop(self, finish: Callable[[], None]) -> None:
        """Call `finish` once everything has ended and moto's state still exists, the last added first."""
        self._at_stop.callback(finish)

    def spawn(self, target: Callable[[], None], name: str) -> threading.Thread:
        """Start a thread that `stop` waits for; `target` ends soon after `stopping` is set."""
        thread = threading.Thread(target=target, name=name, daemon=True)
        with self._guard:
            self._threads = [other for other in self._threads if other.is_alive()]
            self._threads.append(thread)
            thread.start()
        return thread

    def run(self, args: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path) -> subprocess.Popen[str]:
        """Start a child process that `stop` ends with all that it started itself.

        Its output and errors are one pipe, `stdout`, of UTF-8 text. Raise CloudError while the cloud stops.
        """
        with self._guard:
            if self.stopping.is_set():
                raise CloudError(f"The local cloud is stopping and starts no {Path(args[0]).name} any more.")
            return self._processes.start(args, env, cwd)

    def patch(self, owner: object, name: str, replacement: object, *, new: bool = False) -> Any:
        """Replace an attribute of a class or module until `stop`, and return the original.

        `new` allows for a name that `owner` lacks, which `stop` takes away again; the original is then None.
        """
        return self._patches.make(owner, name, replacement, new=new)


def _soon_stopped(serve: Callable[[Any, float], None]) -> Callable[[Any, float], None]:
    """A server's loop that looks more often whether it is to stop."""

    def serve_forever(self: Any, poll_interval: float = STOP_SECONDS) -> None:
        serve(self, poll_interval)

    return serve_forever


def _refuse_taken(port: int) -> None:
    """Raise CloudError when another program listens on a port of the loopback interface; 0 is always free."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError as error:
            raise CloudError(
                f"Port {port} of 127.0.0.1: expected a free one, found: {error.strerror}. Another program "
                "has it, perhaps another local cloud: end that, or name another port."
            ) from error


def _empty_moto() -> None:
    """Make moto forget every service's state."""
    from moto.moto_api._internal.models import moto_api_backend

    moto_api_backend.reset()
