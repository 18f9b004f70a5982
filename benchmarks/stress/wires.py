"""What the vendor answers under stress: the wire fixtures, whole, cut short or held back in the middle, and the
transport that plays them inside the process, to sync and async clients alike.

Which answer is meant, a request says in its headers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import anthropic._base_client
import anyio

from otel_refusals.testing import Reply, Request
from otel_refusals.testing.fixtures import wire as fixture

NAME, CUT, HOLD = "x-answer", "x-cut-after", "x-hold-after"
"""Headers: the answer; after how many of its pieces the connection breaks; or says nothing any more."""

_core: Any = anthropic._base_client
http: Any = getattr(_core, "httpx2", None) or _core.httpx
"""The HTTP library of the SDKs that are installed."""

_TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a vendor's.

    Args:
        name: Provider and name of a wire fixture.
        outcome: How an operation ends that gets all of it.
        status: HTTP status.
        content_type: As the vendor calls it.
        pieces: The body, one event a piece.
        events: How many events a caller of the SDK sees.
        terminal: How many it has to see until the outcome is known.
    """

    name: str
    outcome: str
    status: int
    content_type: str
    pieces: tuple[bytes, ...]
    events: int
    terminal: int

    @property
    def streamed(self) -> bool:
        """Whether it is a stream of events."""
        return self.content_type == "text/event-stream"

    @property
    def body(self) -> bytes:
        """The bytes on the wire."""
        return b"".join(self.pieces)

    def after(self, seen: int) -> str:
        """How an operation ends whose caller saw so many events of it, and no more."""
        return self.outcome if seen >= self.terminal else "incomplete"


@cache
def answer(name: str) -> Answer:
    """The answer `name`, for example `anthropic/stream_completed`."""
    found = fixture(*name.split("/"))
    pieces = tuple(piece + b"\n\n" for piece in found.body.split(b"\n\n") if piece) if found.streamed else (found.body,)
    events = [wire for wire in found.wires if wire.get("type") != "ping"]
    terminal = next((number for number, wire in enumerate(events, 1) if _is_terminal(wire)), len(events))
    return Answer(name, found.outcome, found.status, found.content_type, pieces, len(events), terminal)


def _is_terminal(event: dict[str, Any]) -> bool:
    """By what the vendors' documentation says, and not by our readers."""
    if event.get("type") == "message_delta":
        return event["delta"].get("stop_reason") is not None
    choices = event.get("choices") or ()
    return event.get("type") in _TERMINAL or any(choice.get("finish_reason") for choice in choices)


def loopback(request: Request) -> Reply:
    """The same answers from a real server."""
    asked = answer(_named(request.headers, request.json))
    cut = request.headers.get(CUT)
    pieces = asked.pieces if cut is None else asked.pieces[: int(cut)]
    body = iter(pieces) if asked.streamed else b"".join(pieces)
    return Reply(body, asked.status, asked.content_type, cut=cut is not None)


def _named(headers: Any, messages: Any) -> str:
    name = headers[NAME]
    if name != "tools":
        return str(name)
    # A conversation with tools: the first turn asks for one, the last has its result.
    return f"anthropic/completed_{'end_turn' if 'tool_result' in str(messages) else 'tool_use'}"


def client(*, is_async: bool, real: bool = False) -> Any:
    """An HTTP client whose vendor is inside the process; or a `real` one, patient with a machine that is busy."""
    if real:
        return (http.AsyncClient if is_async else http.Client)(verify=False, timeout=600)
    return http.AsyncClient(transport=_AsyncTransport()) if is_async else http.Client(transport=_Transport())


def _respond(request: Any) -> Any:
    if request.headers[NAME] == "unreachable":
        raise http.ConnectError("connection refused")
    asked = answer(_named(request.headers, request.content))
    headers = {"content-type": asked.content_type}
    return http.Response(asked.status, headers=headers, stream=_body_class()(asked, request.headers), request=request)


class _Transport(http.BaseTransport):  # type: ignore[misc]
    def handle_request(self, request: Any) -> Any:
        request.read()
        return _respond(request)


class _AsyncTransport(http.AsyncBaseTransport):  # type: ignore[misc]
    async def handle_async_request(self, request: Any) -> Any:
        await request.aread()
        await anyio.lowlevel.checkpoint()
        if request.headers.get(HOLD) == "0":
            await anyio.sleep_forever()
        return _respond(request)


@cache
def _body_class() -> Any:
    class Body(http.SyncByteStream, http.AsyncByteStream):  # type: ignore[misc]
        """The bytes of an answer, event by event."""

        def __init__(self, asked: Answer, headers: Any) -> None:
            self._pieces = asked.pieces
            self._cut = headers.get(CUT)
            self._hold = headers.get(HOLD)

        def __iter__(self) -> Iterator[bytes]:
            yield from self._pieces if self._cut is None else self._pieces[: int(self._cut)]
            if self._cut is not None:
                raise http.RemoteProtocolError("peer closed connection without sending complete message body")

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for number, piece in enumerate(self):
                await anyio.lowlevel.checkpoint()
                if self._hold is not None and number >= int(self._hold):
                    await anyio.sleep_forever()
                yield piece

        def close(self) -> None:
            """Nothing is held."""

        async def aclose(self) -> None:
            """Nothing is held."""

    return Body
