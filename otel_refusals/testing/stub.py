"""A loopback vendor: a real HTTP server that answers the real SDKs with a vendor's true wire.

Standard library only, so that the demo runs wherever the package does; WebSockets alone want the websockets library.
"""

from __future__ import annotations

import json
import socket
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from typing_extensions import Self

    from otel_refusals.testing.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Request:
    """What the SDK sent.

    Args:
        method: HTTP method.
        path: Path with query.
        headers: Header names in lower case.
        json: The decoded body, or one message on a WebSocket; None for none, as when a WebSocket is opened.
        first: Of a message on a WebSocket: the first one that came on it, by which some sessions are configured.
    """

    method: str
    path: str
    headers: dict[str, str]
    json: Any
    first: Any = None

    @property
    def on_socket(self) -> bool:
        """Whether it opens a WebSocket, or is a message on one."""
        return self.headers.get("upgrade", "").lower() == "websocket"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the vendor answers.

    Args:
        body: The whole body, or its pieces; each piece is sent as one chunk, or one message of a WebSocket, as soon as
            it is produced.
        status: HTTP status.
        content_type: `text/event-stream` for a stream.
        headers: Further headers.
        cut: Break the connection after the last piece instead of ending the body.
    """

    body: bytes | Iterable[bytes] = b""
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


Answer = Callable[[Request], Reply]

KEPT = 1000
"""How many requests a server remembers: one may run for days."""


class StubServer:
    """Serves replies on a free port of the loopback interface, as a context manager.

    What was queued with `queue(...)` comes first, in order; then `answer` is asked.

    Args:
        answer: Makes the reply to a request; by default a `Chooser`, which plays the scenario that a request names, on
            the wire of whichever vendor it is meant for.
        port: Where to listen; any free port by default.

    Attributes:
        requests: The last requests that came, up to `KEPT`.
        answered: How many came in all.
    """

    def __init__(self, answer: Answer | None = None, port: int = 0) -> None:
        from otel_refusals.testing.choice import Chooser

        self._chooser = answer if isinstance(answer, Chooser) else Chooser()
        self._answer: Answer = answer or self._chooser
        self._queue: deque[Reply | Scenario] = deque()
        self._lock = Lock()
        self.requests: list[Request] = []
        self.answered = 0
        self.disconnected = Event()
        self._server = _Server(self, port)
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), name="stub-vendor", daemon=True)

    @property
    def url(self) -> str:
        """The base URL, without a path."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def pending(self) -> int:
        """How many queued replies nobody has asked for yet."""
        return len(self._queue)

    def clear(self) -> None:
        """Forget the replies that are queued and the requests that came."""
        self._queue.clear()
        self.requests.clear()

    def queue(self, *replies: Reply | Scenario) -> None:
        """Answer the next requests with `replies`: as they are, or scenarios on the wire that the request asks for."""
        self._queue.extend(replies)

    def reply_to(self, request: Request) -> Reply:
        """The reply to `request`, which is remembered in `requests`."""
        from otel_refusals.testing import speakers

        with self._lock:
            self.answered += 1
            self.requests.append(request)
            del self.requests[:-KEPT]
        # A scenario is for what asks a model; a reply over HTTP for whatever comes next.
        plain = bool(self._queue) and isinstance(self._queue[0], Reply) and not request.on_socket
        queued = self._queue.popleft() if self._queue and (plain or speakers.asks(request)) else None
        if queued is None:
            return self._answer(request)
        if isinstance(queued, Reply):
            return speakers.as_sent(request, queued)
        return self._chooser.play(request, queued)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self._server.sockets):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    block_on_close = False

    def __init__(self, stub: StubServer, port: int) -> None:
        self.stub = stub
        self.sockets: set[socket.socket] = set()  # the WebSockets that are open: they would outlive the server
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A client that leaves in the middle of a stream is what this server is for."""
        self.stub.disconnected.set()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        size = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(size)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, _decoded(body))
        reply_to = cast("_Server", self.server).stub.reply_to
        if request.on_socket:
            self._serve_socket(request, reply_to)
            return
        reply = reply_to(request)
        self.send_response(reply.status)
        self.send_header("content-type", reply.content_type)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if isinstance(reply.body, bytes) and not reply.cut:
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)
            return
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in [reply.body] if isinstance(reply.body, bytes) else reply.body:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.flush()
        if reply.cut:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")

    def _serve_socket(self, request: Request, reply_to: Answer) -> None:
        from otel_refusals.testing.stub_socket import MISSING, serve_socket

        self.close_connection = True
        sockets = cast("_Server", self.server).sockets
        sockets.add(self.connection)
        try:
            serve_socket(request, self.connection, self.rfile, reply_to)
        except ModuleNotFoundError:
            self.send_error(501, MISSING)
        finally:
            sockets.discard(self.connection)

    do_GET = do_POST  # noqa: N815
    do_DELETE = do_POST  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Be quiet."""


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None
