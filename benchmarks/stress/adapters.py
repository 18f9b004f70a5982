"""Sync and async SDKs behind one face, so that each way of leaving a call is written once.

A way is a coroutine function. On a synchronous client nothing in it ever waits, so it runs to its end when it is
started. The adapters hold what the caller's own `for`, `with` and `await` would hold, and for as long.
"""

from __future__ import annotations

from collections.abc import Coroutine
from inspect import isawaitable
from typing import Any, TypeVar

T = TypeVar("T")


def run(way: Coroutine[Any, Any, T]) -> T:
    """Run a way on a synchronous client."""
    try:
        way.send(None)
    except StopIteration as stop:
        return stop.value
    way.close()
    raise RuntimeError("a way waits on a synchronous client")


async def settled(value: Any) -> Any:
    """`value`, awaited where the SDK is asynchronous."""
    return await value if isawaitable(value) else value


class each:  # noqa: N801 - read as `async for event in each(stream)`
    """The loop over a stream."""

    __slots__ = ("_is_async", "_items")

    def __init__(self, stream: Any) -> None:
        self._is_async = hasattr(stream, "__aiter__")
        self._items = stream.__aiter__() if self._is_async else iter(stream)

    def __aiter__(self) -> each:
        return self

    async def __anext__(self) -> Any:
        if self._is_async:
            return await self._items.__anext__()
        for item in self._items:
            return item
        raise StopAsyncIteration


class inside:  # noqa: N801 - read as `async with inside(stream)`
    """The `with` block of a context manager."""

    __slots__ = ("_is_async", "_manager")

    def __init__(self, manager: Any) -> None:
        self._is_async = hasattr(type(manager), "__aenter__")
        self._manager = manager

    async def __aenter__(self) -> Any:
        return await self._manager.__aenter__() if self._is_async else self._manager.__enter__()

    async def __aexit__(self, *how: object) -> Any:
        return await self._manager.__aexit__(*how) if self._is_async else self._manager.__exit__(*how)
