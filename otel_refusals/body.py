"""The HTTP response under a stream: hearing it being closed, and seeing the bytes that a caller reads itself.

The law of this module: the response, its byte stream and its connection live exactly as long as they would without
us. So nothing here lets a response refer to itself, and nothing that a garbage collector may call refers to it
weakly.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import cache
from typing import Any

from otel_refusals.failure import never_fails
from otel_refusals.operation import Operation
from otel_refusals.reader import NOTHING
from otel_refusals.tap import AsyncTap, tee
from otel_refusals.wire import Decoder

Method = Callable[..., Any]
End = Callable[..., None]
"""Ends an operation; takes the exception that did, if one did."""


class _Everything:
    skip: frozenset[str] = NOTHING


def _is_running(iterator: Any) -> bool:
    """Whether somebody is inside the SDK's own generator right now: then its end, or its exception, is on the way."""
    return bool(getattr(iterator, "gi_running", False) or getattr(iterator, "ag_running", False))


def end_of(operation: Operation, iterator: Any) -> End:
    """A function that ends `operation`, unless the SDK is inside its generator `iterator` right now."""
    iterator_ref = _weak(iterator)

    def end(error: BaseException | None = None) -> None:
        if not _is_running(iterator_ref()):
            operation.leave(error)

    return end


def call_when_closed(response: Any, end: End) -> None:
    """Call `end` when the HTTP response is closed, which is what every way of leaving a stream early comes to."""
    response.stream = _closing(response.stream, end)


class _Closing:
    """Stands before the byte stream of a response, as the HTTP library's own wrappers do, and hears it being closed."""

    def __init__(self, inner: Any, end: End) -> None:
        self._inner = inner
        self._end = end
        # The anthropic SDK asks for it at every event: a miss in `__getattr__` would cost more than the whole tap.
        self.stream_observer = getattr(inner, "stream_observer", None)

    def __iter__(self) -> Any:
        return self._inner.__iter__()

    def __aiter__(self) -> Any:
        return self._inner.__aiter__()

    def close(self) -> None:
        try:
            self._inner.close()
        finally:
            self._end()

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        finally:
            self._end()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@cache
def _closing_type(inner: Any) -> type[_Closing]:
    # The HTTP library asks whether the stream is one of its own kinds, sync, async or both.
    kinds = [base for base in inner.__mro__ if base.__name__ in ("SyncByteStream", "AsyncByteStream")]
    return type("ClosingStream", (_Closing, *kinds), {})


def _closing(inner: Any, end: End) -> _Closing:
    return _closing_type(type(inner))(inner, end)  # type: ignore[arg-type]


def watch_bytes(response: Any, operation: Operation) -> End:
    """See the bytes of a raw response as the caller reads them: every way of reading goes through these two methods.

    Not where a stream over the response is seen already.

    Returns:
        What to call when the body is about to end without having been read.
    """
    body = Body(operation, response.headers.get("content-type", ""))

    def around(tap: Callable[[Any, Body], Any]) -> Callable[[Method], Method]:
        def shadow(original: Method) -> Method:
            def iter_bytes(*args: Any, **kwargs: Any) -> Any:
                chunks = original(*args, **kwargs)
                return chunks if operation.tapped else tap(body.over(chunks), body)

            return iter_bytes

        return shadow

    _shadow(response, "iter_bytes", around(tee))
    _shadow(response, "aiter_bytes", around(AsyncTap))
    call_when_closed(response, body.leave)
    return body.leave


def _shadow(target: Any, name: str, around: Callable[[Method], Method]) -> None:
    """Put `around(original)` in the place of one method of one object.

    Weak: an object that kept itself alive would hold its connection until the garbage collector comes by.
    """
    method, ref = getattr(type(target), name, None), weakref.ref(target)
    if method is None:
        return

    def original(*args: Any, **kwargs: Any) -> Any:
        return method(ref(), *args, **kwargs)

    setattr(target, name, around(original))


def _weak(target: Any) -> Callable[[], Any]:
    try:
        return weakref.ref(target)
    except TypeError:  # None, or an iterator that cannot be referred to weakly
        return lambda: None


class Body:
    """The bytes of a response body that the caller reads itself, decoded on the way and shown to the operation.

    Args:
        operation: What learns from the body, and ends with it.
        content_type: The `content-type` of the response.
    """

    __slots__ = ("_chunks", "_decoder", "_operation")

    reader = _Everything()

    def __init__(self, operation: Operation, content_type: str) -> None:
        self._operation = operation
        self._decoder = Decoder(content_type)
        self._chunks: Callable[[], Any] = _weak(None)

    def over(self, chunks: Any) -> Any:
        """Know the iterator that the bytes come from."""
        self._chunks = _weak(chunks)
        return chunks

    @never_fails
    def item(self, chunk: bytes) -> None:
        """Read one piece of the body."""
        operation = self._operation
        if not operation.ended:
            for wire in self._decoder.feed(chunk, operation.reader.skip):
                operation.item(wire)

    @never_fails
    def end(self, error: BaseException | None = None) -> None:
        """The body ended: read what that completes, and end the operation."""
        if error is None:
            self._read_rest()
            if not self._decoder.events:
                self._operation.finished()
        self._operation.end(error)

    @never_fails
    def leave(self, error: BaseException | None = None) -> None:
        """The response is closed, perhaps by its own iterator after the last byte, which is then still on the way."""
        operation = self._operation
        if error is None and operation.tapped:
            return  # a stream over the response is seen instead, and knows better
        if error is not None or self._read_rest() or not _is_running(self._chunks()):
            operation.leave(error)

    def _read_rest(self) -> bool:
        found = list(self._decoder.end())
        for wire in found:
            self._operation.whole(wire) if not self._decoder.events else self._operation.item(wire)
        return bool(found)
