"""The WebSocket side of the stub, over a connection that an HTTP server has accepted.

The protocol is that of the websockets library, without its own input and output: the stub needs it only here.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BufferedIOBase
from typing import TYPE_CHECKING, Any

from otel_refusals.testing.stub import Reply, Request

if TYPE_CHECKING:
    from websockets.server import ServerProtocol

MISSING = "WebSockets are served with the websockets library: pip install websockets"


def serve_socket(
    request: Request, connection: socket.socket, incoming: BufferedIOBase, reply_to: Callable[[Request], Reply]
) -> None:
    """Answer every message on a connection until either side closes it.

    Args:
        request: What opened the connection; it is answered as well, before any message.
        connection: Where answers go.
        incoming: Where messages come from.
        reply_to: The answer to the opening and to each message, in messages.

    Raises:
        ModuleNotFoundError: where the websockets library is not installed.
    """
    try:
        from websockets.server import ServerProtocol
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(MISSING) from error

    protocol = ServerProtocol(max_size=None)
    headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    protocol.receive_data(f"GET {request.path} HTTP/1.1\r\n{headers}\r\n".encode("latin-1"))
    opening: Any = next(iter(protocol.events_received()), None)
    if opening is None:
        _flush(protocol, connection)
        return
    protocol.send_response(protocol.accept(opening))
    _flush(protocol, connection)
    if not _say(protocol, connection, reply_to(request)):
        return
    first: Any = None
    for message in _messages(protocol, connection, incoming):
        first = message if first is None else first
        if not _say(protocol, connection, reply_to(replace(request, json=message, first=first))):
            return


def _messages(protocol: ServerProtocol, connection: socket.socket, incoming: BufferedIOBase) -> Iterator[Any]:
    from websockets.frames import Frame

    pieces = b""
    while data := incoming.read1(65536):
        protocol.receive_data(data)
        _flush(protocol, connection)
        for frame in protocol.events_received():
            if isinstance(frame, Frame) and frame.opcode in _DATA:
                pieces += frame.data
                if frame.fin:
                    yield _decoded(pieces)
                    pieces = b""
        if protocol.close_expected():
            return


_DATA = (0x0, 0x1, 0x2)
"""The opcodes of a message's frames: continuation, text, binary."""


def _say(protocol: ServerProtocol, connection: socket.socket, reply: Reply) -> bool:
    """Send `reply`; False where that ends the connection."""
    for piece in [reply.body] if isinstance(reply.body, bytes) else reply.body:
        if piece:
            protocol.send_text(piece)
            _flush(protocol, connection)
    if reply.cut:
        connection.shutdown(socket.SHUT_RDWR)
    return not reply.cut


def _flush(protocol: ServerProtocol, connection: socket.socket) -> None:
    for data in protocol.data_to_send():
        if data:
            connection.sendall(data)


def _decoded(message: bytes) -> Any:
    try:
        return json.loads(message)
    except ValueError:
        return message.decode(errors="replace")
