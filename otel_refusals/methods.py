"""The seams of SDKs whose methods are one operation each: one is called, and returns an answer or a stream of items.

What comes back is the SDK's own object. A stream that holds its iterator in an attribute gets a tap there; one that is
itself a generator cannot be looked into, so the caller gets a generator over it, of the same kind, which starts it,
leaves it and closes it when the caller does.

The law of this module: it knows nothing of a vendor but its table.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AsyncExitStack, ExitStack
from contextvars import ContextVar
from copy import copy
from inspect import isasyncgen, isawaitable, isgenerator, signature
from types import FrameType
from typing import Any
from weakref import ref

from opentelemetry.context import Context, get_current

from otel_refusals.body import end_when_closed
from otel_refusals.failure import swallow
from otel_refusals.operation import Operation
from otel_refusals.reader import text
from otel_refusals.suppression import is_suppressed
from otel_refusals.tap import AsyncTap, Tap, tee
from otel_refusals.telemetry import Telemetry
from otel_refusals.vendor import Chokepoint, Vendor

Begin = Callable[[], "Operation | None"]
Returned = Callable[[Operation, Any], Any]

_calling: ContextVar[ref[Operation] | None] = ContextVar("otel_refusals_calling", default=None)


def calling() -> Operation | None:
    """The operation whose method is being called, for what the SDK does inside it."""
    operation = _calling.get()
    return None if operation is None else operation()


class Methods:
    """The wrappers for one chokepoint.

    Args:
        vendor: Whose.
        telemetry: Receives the reports.
        point: The method.
    """

    def __init__(self, vendor: Vendor, telemetry: Telemetry, point: Chokepoint) -> None:
        self._vendor = vendor
        self._telemetry = telemetry
        self._point = point
        self._names: tuple[str, ...] | None = None

    def method(self, wrapped: Callable[..., Any], owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Around a method that returns an answer or a stream."""
        operation = self._begin(wrapped, owner, args, kwargs)
        if operation is None:
            return wrapped(*args, **kwargs)
        outer, called = _calling.get(), ref(operation)
        _calling.set(called)
        try:
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            operation.end(error)
            raise
        finally:
            if _calling.get() is called:  # else this was closed in the midst of another call, whose that is
                _calling.set(outer)
        return self._returned(operation, result)

    async def async_method(
        self, wrapped: Callable[..., Any], owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Around a coroutine function that returns an answer or a stream."""
        operation = self._begin(wrapped, owner, args, kwargs)
        if operation is None:
            return await wrapped(*args, **kwargs)
        outer, called = _calling.get(), ref(operation)
        _calling.set(called)
        try:
            result = await wrapped(*args, **kwargs)
        except BaseException as error:
            operation.end(error)
            raise
        finally:
            if _calling.get() is called:  # else this was closed in the midst of another call, whose that is
                _calling.set(outer)
        return self._returned(operation, result)

    def generator(self, wrapped: Callable[..., Any], owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Around a generator function. The operation begins with the first item, under the context of the call."""
        context = get_current()
        return _generator(wrapped(*args, **kwargs), lambda: self._begin(wrapped, owner, args, kwargs, context))

    def opening(self, wrapped: Callable[..., Any], owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Around a function that `contextlib` made a context manager's, by which a stream is opened and closed.

        The operation begins when the stream is opened, under the context of the call.
        """
        context = get_current()
        manager = wrapped(*args, **kwargs)
        try:
            opened = _async_opened if isasyncgen(manager.gen) else _opened
            manager.gen = opened(
                copy(manager), lambda: self._begin(wrapped, owner, args, kwargs, context), self._returned
            )
        except Exception as error:
            swallow(error, "Methods.opening", self._vendor.name)
        return manager

    def _begin(
        self,
        wrapped: Callable[..., Any],
        owner: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        context: Context | None = None,
    ) -> Operation | None:
        """The operation of a call that generates; None for any other."""
        try:
            arguments = self._by_name(wrapped, args, kwargs)
            endpoint = self._point.endpoint
            if callable(endpoint):
                endpoint = endpoint(arguments)
            if endpoint is None or is_suppressed(get_current() if context is None else context):
                return None
            if self._point.part_of and _calls_for(self._point.part_of):
                return None
            provider, model = self._vendor.provider_of(owner), self._model(owner, arguments)
            return Operation(self._telemetry, self._vendor.name, endpoint, provider, model, context)
        except Exception as error:
            swallow(error, "Methods._begin", self._vendor.name)
            return None

    def _model(self, owner: Any, arguments: Mapping[str, Any]) -> str | None:
        model = self._point.model
        return model(owner, arguments) if callable(model) else text(arguments, *model)

    def _by_name(self, wrapped: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Mapping[str, Any]:
        if not args:
            return kwargs
        if self._names is None:
            self._names = tuple(signature(wrapped).parameters)
        return {**dict(zip(self._names, args, strict=False)), **kwargs}

    def _returned(self, operation: Operation, result: Any) -> Any:
        """Read an answer, or watch a stream; what the caller gets."""
        try:
            if isgenerator(result) or isasyncgen(result):
                return _generator(result, lambda: operation)
            if self._point.items and hasattr(result, self._point.items):
                self._watch(operation, result)
            else:
                if operation.unread:  # else the SDK's own span was ended before, and the answer read for it
                    operation.whole(result)
                operation.end()
        except Exception as error:
            swallow(error, "Methods._returned", self._vendor.name)
        return result

    def _watch(self, operation: Operation, stream: Any) -> None:
        operation.streams()
        iterator = getattr(stream, self._point.items)
        tap = AsyncTap if hasattr(iterator, "__anext__") else Tap
        setattr(stream, self._point.items, tap(iterator, operation))
        if hasattr(stream, "response"):
            end_when_closed(stream.response, operation, iterator)
        own = vars(stream).get("close")
        if own is not None:  # the SDK put one there that closes the iterator first, and the response in its course
            stream.close = _closing(own, operation)


def _calls_for(module: str) -> bool:
    """Whether `module` is the SDK's innermost that is at work below this call.

    Looked up on the stack, since other instrumentations may stand between, and since a tool of the application's that
    the SDK runs for `module` makes calls of its own: there the module that runs tools is the innermost.
    """
    package = module.rpartition(".")[0]
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if name.startswith(package):
            return name == module
        frame = frame.f_back
    return False


def _closing(close: Callable[[], Any], operation: Operation) -> Callable[[], Any]:
    """`close` of a stream, after which nobody reads on."""

    def closing() -> Any:
        try:
            closed = close()
        except BaseException:
            operation.leave()
            raise
        if isawaitable(closed):
            return _left(closed, operation)
        operation.leave()
        return closed

    return closing


async def _left(closed: Any, operation: Operation) -> Any:
    try:
        return await closed
    finally:
        operation.leave()


def _opened(manager: Any, begin: Begin, returned: Returned) -> Generator[Any, None, None]:
    operation = begin()
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(manager)
        except BaseException as error:
            if operation is not None:
                operation.end(error)
            raise
        if operation is not None:
            stack.callback(operation.leave)
            stream = returned(operation, stream)
        yield stream


async def _async_opened(manager: Any, begin: Begin, returned: Returned) -> AsyncGenerator[Any, None]:
    operation = begin()
    async with AsyncExitStack() as stack:
        try:
            stream = await stack.enter_async_context(manager)
        except BaseException as error:
            if operation is not None:
                operation.end(error)
            raise
        if operation is not None:
            stack.callback(operation.leave)
            stream = returned(operation, stream)
        yield stream


def _generator(inner: Any, begin: Begin) -> Any:
    return _async_items(inner, begin) if isasyncgen(inner) else _items(inner, begin)


def _items(inner: Generator[Any, Any, Any], begin: Begin) -> Generator[Any, None, None]:
    operation = begin()
    if operation is None:
        yield from inner
        return
    operation.streams()
    try:
        yield from tee(inner, operation)
    finally:
        inner.close()
        operation.leave()


async def _async_items(inner: AsyncGenerator[Any, Any], begin: Begin) -> AsyncGenerator[Any, None]:
    operation = begin()
    try:
        if operation is not None:
            operation.streams()
        async for item in inner if operation is None else AsyncTap(inner, operation):
            yield item
    finally:
        await inner.aclose()
        if operation is not None:
            operation.leave()
