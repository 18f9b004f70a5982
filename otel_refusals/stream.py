"""Taps: iterators placed under the SDK's own stream object, through which an operation sees each item go by.

Not proxies around the stream: helpers such as `text_stream` and `get_final_message()` iterate beneath a proxy, but they
all pass through the tap. The law of this module: an item is seen when the caller takes it, never earlier; the caller gets
the very item and the very exception; nothing is kept.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from typing import Any, Protocol

from otel_refusals.failure import never_fails
from otel_refusals.operation import Operation
from otel_refusals.reader import NOTHING
from otel_refusals.wire import Decoder

Method = Callable[..., Any]
End = Callable[..., None]


class Skipping(Protocol):
    """Tells which items of a stream need not be looked at."""

    @property
    def skip(self) -> frozenset[str]:
        """Values of `item.type`."""


class Watching(Protocol):
    """What a tap shows the items to: an operation, or a body on its way to one. Never raises."""

    @property
    def reader(self) -> Skipping:
        """Which items to leave out, asked anew for each item."""

    def item(self, item: Any, /) -> None:
        """One item goes by."""

    def end(self, error: BaseException | None = None, /) -> None:
        """The stream ended, or raised `error`."""


class _Everything:
    skip: frozenset[str] = NOTHING


def tee(inner: Iterator[Any], operation: Watching) -> Iterator[Any]:
    """`inner` again, each item shown to `operation`, which ends with it.

    A generator, because it is the cheapest loop there is. One that nobody starts, or that is dropped, ends nothing: then
    the operation ends when the last reference to it goes.
    """
    reader, see = operation.reader, operation.item
    try:
        for item in inner:
            if getattr(item, "type", None) not in reader.skip:
                see(item)
            yield item
    except GeneratorExit:
        raise
    except BaseException as error:
        operation.end(error)
        raise
    operation.end()


class Tap:
    """A tee that can be iterated again after a break, as the SDK's own iterator can, and asked for the inner one."""

    __slots__ = ("__weakref__", "_inner", "_items")

    def __init__(self, inner: Iterator[Any], operation: Watching) -> None:
        self._inner = inner
        self._items = tee(inner, operation)

    def __iter__(self) -> Iterator[Any]:
        return self._items

    def __next__(self) -> Any:
        return next(self._items)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class AsyncTap:
    """The same for an asynchronous iterator. A class: an asynchronous generator that is dropped would be closed by the
    event loop later, and so would the SDK's below it."""

    __slots__ = ("__weakref__", "_inner", "_operation")

    def __init__(self, inner: AsyncIterator[Any], operation: Watching) -> None:
        self._inner = inner
        self._operation = operation

    def __aiter__(self) -> AsyncTap:
        return self

    async def __anext__(self) -> Any:
        operation = self._operation
        try:
            item = await self._inner.__anext__()
        except StopAsyncIteration:
            operation.end()
            raise
        except BaseException as error:
            operation.end(error)
            raise
        if getattr(item, "type", None) not in operation.reader.skip:
            operation.item(item)
        return item

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


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
def _closing_type(inner: type) -> type[_Closing]:
    # The HTTP library asks whether the stream is one of its own kinds, sync, async or both.
    kinds = [base for base in inner.__mro__ if base.__name__ in ("SyncByteStream", "AsyncByteStream")]
    return type("ClosingStream", (_Closing, *kinds), {})


def _closing(inner: Any, end: End) -> _Closing:
    return _closing_type(type(inner))(inner, end)


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
