"""No-op tees: the least that anything under a stream can do with its events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

GENERATOR, CLASS = "generator tee", "class tee"


def generator_tee(inner: Iterator[Any]) -> Iterator[Any]:
    """The cheapest there is."""
    for item in inner:  # noqa: UP028 - `yield from` would not see the items
        yield item


class ClassTee:
    """The same as an object, which can be closed, copied to and referred to as the SDK's own iterator can."""

    def __init__(self, inner: Iterator[Any]) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._inner)


async def async_generator_tee(inner: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """The asynchronous form."""
    async for item in inner:
        yield item


class AsyncClassTee:
    """The asynchronous form."""

    def __init__(self, inner: AsyncIterator[Any]) -> None:
        self._inner = inner

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        return await self._inner.__anext__()


TEES: dict[str, Callable[[Any], Any]] = {GENERATOR: generator_tee, CLASS: ClassTee}
ASYNC_TEES: dict[str, Callable[[Any], Any]] = {GENERATOR: async_generator_tee, CLASS: AsyncClassTee}
