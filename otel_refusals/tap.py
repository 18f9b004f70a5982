"""Taps: iterators placed under the SDK's own stream object, through which an operation sees each item go by.

Not proxies around the stream: helpers such as `text_stream` and `get_final_message()` iterate beneath a proxy, but they
all pass through the tap. The law of this module: an item is seen when the caller takes it, never earlier; the caller
gets the very item and the very exception; nothing is kept.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterator
from functools import cache
from typing import Any, Protocol, get_args

from otel_refusals.reader import NOTHING, never


class Skipping(Protocol):
    """Tells which items of a stream need not be looked at."""

    @property
    def skip(self) -> frozenset[str]:
        """Values of `item.type`."""
        ...

    def glance(self, item: Any, /) -> bool:
        """Whether `item` cannot matter, told by a quick look at it. Never raises."""
        ...


class Everything:
    """For those who look at every item."""

    skip: frozenset[str] = NOTHING
    glance = staticmethod(never)


class Watching(Protocol):
    """What a tap shows the items to: an operation, or a body on its way to one. Never raises."""

    @property
    def reader(self) -> Skipping:
        """Which items to leave out, asked anew for each item."""
        ...

    def item(self, item: Any, /) -> None:
        """One item goes by."""
        ...

    def end(self, error: BaseException | None = None, /) -> None:
        """The stream ended, or raised `error`."""
        ...


@cache
def _has_one_type(cls: type) -> bool:
    """Whether all objects of `cls` have one `type`: true of the SDKs' event models, which declare it as a literal."""
    fields = getattr(cls, "model_fields", None)
    declared = fields.get("type") if isinstance(fields, dict) else None
    return declared is not None and len(get_args(declared.annotation)) == 1


def _show(item: Any, operation: Watching) -> type | None:
    """Show `item` to `operation` unless it cannot matter.

    Returns:
        The class of which no item matters until one of another class has come, so that the next costs nothing: most
        events of a stream are such, one after the other.
    """
    try:
        skip = operation.reader.skip
        matters = not (skip and item.type in skip)
    except Exception:  # no type, or one that a hostile server made unhashable
        matters = True
    cls: type = type(item)
    if matters:
        operation.item(item)
        return None  # what matters may have changed with it
    return cls if _has_one_type(cls) else None


def tee(inner: Iterator[Any], operation: Watching) -> Generator[Any, None, None]:
    """`inner` again, each item shown to `operation`, which ends with it.

    A generator, because it is the cheapest loop there is. One that nobody starts, or that is dropped, ends nothing:
    then the operation ends when the last reference to it goes.
    """
    mere: type | None = None
    glance = operation.reader.glance
    try:
        for item in inner:
            if type(item) is not mere and not glance(item):
                mere = _show(item, operation)
            yield item
    except GeneratorExit:
        raise
    except BaseException as error:
        operation.end(error)
        raise
    operation.end()


class Tap:
    """A tee that can be iterated again after a break, as the SDK's own iterator can."""

    __slots__ = ("__weakref__", "_items")

    def __init__(self, inner: Iterator[Any], operation: Watching) -> None:
        self._items = tee(inner, operation)

    def __iter__(self) -> Iterator[Any]:
        return self._items

    def __next__(self) -> Any:
        return next(self._items)

    def close(self) -> None:
        """Close it as the SDK's generator is closed."""
        self._items.close()


class AsyncTap(AsyncGenerator[Any, None]):
    """The same for an asynchronous iterator, and closable where that is: the HTTP libraries close what they iterate.

    A class: an asynchronous generator that is dropped would be closed by the event loop later, and so would the SDK's
    below it.
    """

    __slots__ = ("__weakref__", "_glance", "_inner", "_mere", "_operation")

    def __init__(self, inner: Any, operation: Watching) -> None:
        self._inner = inner
        self._operation = operation
        self._mere: type | None = None
        self._glance = operation.reader.glance

    def __aiter__(self) -> AsyncTap:
        return self

    async def __anext__(self) -> Any:
        try:
            item = await self._inner.__anext__()
        except StopAsyncIteration:
            self._operation.end()
            raise
        except BaseException as error:
            self._operation.end(error)
            raise
        if type(item) is not self._mere and not self._glance(item):
            self._mere = _show(item, self._operation)
        return item

    async def asend(self, value: Any) -> Any:
        """Send `value` to the SDK's generator."""
        return await self._inner.asend(value)

    async def athrow(self, *error: Any) -> Any:
        """Throw into the SDK's generator."""
        return await self._inner.athrow(*error)

    async def aclose(self) -> None:
        """Close the SDK's generator."""
        await self._inner.aclose()
