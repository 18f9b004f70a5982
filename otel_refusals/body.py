"""The byte stream under an HTTP response: hearing it being closed, and seeing the bytes that a caller reads itself.

The law of this module: the response, its byte stream and its connection live exactly as long as they would without
us, and are of the types that they were. So what is ours stands before the byte stream, as the HTTP libraries' own
wrappers do, refers to it and is never referred to by it.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from otel_refusals.failure import never_fails
from otel_refusals.operation import Operation
from otel_refusals.tap import AsyncTap, Everything, tee
from otel_refusals.wire import Decoder

End = Callable[..., None]
"""Ends an operation; takes the exception that did, if one did."""


def end_when_closed(response: Any, operation: Operation, iterator: Any) -> None:
    """End `operation` when the HTTP response is closed, which is what every way of leaving a stream early comes to.

    Args:
        response: The HTTP library's response.
        operation: What to end.
        iterator: The SDK's generator over the response. It closes the response itself, also on its way to raise, and
            then its end is on the way to the tap.
    """
    iterator_ref = weakref.ref(iterator)

    def left() -> None:
        if not _is_running(iterator_ref):
            operation.leave()

    _stand_before(response, left)


def watch_bytes(response: Any, operation: Operation, body: Body | None = None) -> None:
    """See the bytes of a raw response as the caller reads them, and end `operation` when they end or are left."""

    def left() -> None:
        if not operation.tapped:  # else a stream over the response is seen, and knows better
            operation.leave()

    _stand_before(response, left, body or Body(operation, response))


def _is_running(iterator_ref: Callable[[], Any] | None) -> bool:
    iterator = None if iterator_ref is None else iterator_ref()
    return bool(getattr(iterator, "gi_running", False) or getattr(iterator, "ag_running", False))


def _stand_before(response: Any, left: End, body: Body | None = None) -> None:
    stream = response.stream
    response.stream = _kind_of_stream(type(stream))(stream, left, body)  # type: ignore[arg-type]


class _ByteStream:
    """Stands before the byte stream of a response."""

    def __init__(self, inner: Any, left: End, body: Body | None) -> None:
        self._inner = inner
        self._left = left
        self._body = body
        # The anthropic SDK asks for it at every event: a miss in `__getattr__` would cost more than the whole tap.
        self.stream_observer = getattr(inner, "stream_observer", None)

    def __iter__(self) -> Any:
        chunks = self._inner.__iter__()
        return chunks if self._body is None else tee(chunks, self._body)

    def __aiter__(self) -> Any:
        chunks = self._inner.__aiter__()
        return chunks if self._body is None else AsyncTap(chunks, self._body)

    def close(self) -> None:
        try:
            self._inner.close()
        finally:
            self._left()

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        finally:
            self._left()

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":  # a copy that has nothing yet
            raise AttributeError(name)
        return getattr(self._inner, name)


@cache
def _kind_of_stream(inner: Any) -> type[_ByteStream]:
    """Our byte stream, of the kinds that `inner` is: the HTTP library asks whether it is a sync or an async one."""
    kinds = [base for base in inner.__mro__ if base.__name__ in ("SyncByteStream", "AsyncByteStream")]
    return type("WatchedByteStream", (_ByteStream, *kinds), {})


class Body:
    """The bytes of a response body, decoded on the way and shown to the operation.

    Nothing is looked at while a stream over the response reads it: then its events are seen instead. That there is one
    tells nothing: other instrumentations parse the response, and the caller reads its bytes all the same.

    Args:
        operation: What learns from the body, and ends with it.
        response: The HTTP library's response.
        decoder: Of a body that is neither JSON nor server-sent events.
    """

    __slots__ = ("_decoder", "_operation", "_unpack")

    reader = Everything()

    def __init__(self, operation: Operation, response: Any, decoder: Decoder | None = None) -> None:
        self._operation = operation
        self._unpack = _unpacker(response)
        self._decoder = Decoder(response.headers.get("content-type", "")) if decoder is None else decoder

    @never_fails
    def item(self, chunk: bytes) -> None:
        """Read one piece of the body."""
        operation = self._operation
        if not (not operation.due or self._unpack is None or _is_running(operation.tapped)):
            for piece in self._unpack(chunk):
                for wire in self._decoder.feed(piece, operation.reader.skip):
                    operation.item(wire)

    @never_fails
    def end(self, error: BaseException | None = None) -> None:
        """The body ended: read what that completes, and end the operation."""
        operation = self._operation
        if self._unpack is None or _is_running(operation.tapped):
            return
        if error is None:
            operation.body(self._decoder)
        operation.end(error)


def _unpacker(response: Any) -> Callable[[bytes], Iterable[bytes]] | None:
    """What undoes the content encodings, the last one first, by decoders of the HTTP library's own; None for an
    encoding it does not know.
    """
    named = [name.strip().lower() for name in response.headers.get("content-encoding", "").split(",")]
    encodings = [name for name in reversed(named) if name not in ("", "identity")]
    library = type(response).__module__.partition(".")[0]
    known = getattr(sys.modules.get(f"{library}._decoders"), "SUPPORTED_DECODERS", {})
    if any(encoding not in known for encoding in encodings):
        return None
    decoders = [known[encoding]().decode for encoding in encodings]

    def unpack(chunk: bytes) -> Iterable[bytes]:
        pieces: Iterable[bytes] = (bytes(chunk),)
        for decode in decoders:
            pieces = _decoded(pieces, decode)
        return pieces

    return unpack


def _decoded(pieces: Iterable[bytes], decode: Callable[[bytes], Any]) -> Iterator[bytes]:
    """Piece by piece where the library decodes so, as httpx2 does: a little may unpack to very much."""
    for piece in pieces:
        decoded = decode(piece)
        if isinstance(decoded, bytes):
            yield decoded
        else:
            yield from decoded
