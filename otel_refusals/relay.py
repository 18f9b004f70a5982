"""The seams of LiteLLM: its public functions, and beneath them the places where requests leave it.

LiteLLM's callbacks are not used: they run after the call, in another thread, and never for a stream that the caller
leaves; and what they are shown of a stream is what LiteLLM made of it.

The law of this module: with `relayed`, it alone knows the insides of LiteLLM, and it imports none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.context import get_current

from otel_refusals.answers import returned
from otel_refusals.failure import swallow
from otel_refusals.reader import text
from otel_refusals.relayed import Relayed, calling, reading, relayed
from otel_refusals.stainless import see_answer
from otel_refusals.suppression import is_suppressed
from otel_refusals.telemetry import Telemetry
from otel_refusals.vendor import Chokepoint, Vendor

_ROUTES = frozenset({"converse", "converse_like", "invoke"})


class Relay:
    """The wrappers for LiteLLM's chokepoints.

    Args:
        vendor: Whose.
        telemetry: Receives the reports.
        point: The function or method.
    """

    def __init__(self, vendor: Vendor, telemetry: Telemetry, point: Chokepoint) -> None:
        self._vendor = vendor
        self._telemetry = telemetry
        self._point = point

    def relay(self, wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Around a function that is one operation, unless it is called in the course of another."""
        operation = self._begin()
        if operation is None:
            return _part(wrapped(*args, **kwargs))
        try:
            with calling(operation):
                result = wrapped(*args, **kwargs)
        except BaseException as error:
            operation.failed(error)
            raise
        operation.returned(result)
        return result

    async def async_relay(
        self, wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Around a coroutine function that is one."""
        operation = self._begin()
        if operation is None:
            return _part(await wrapped(*args, **kwargs))
        try:
            with calling(operation):
                result = await wrapped(*args, **kwargs)
        except BaseException as error:
            operation.failed(error)
            raise
        operation.returned(result)
        return result

    def relay_attempt(
        self, wrapped: Callable[..., Any], logging: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Around the method that LiteLLM logs a request with before it makes it."""
        operation = relayed()
        if operation is not None:
            operation.attempt(self._vendor.provider_of(logging), _model_of(logging))
        return wrapped(*args, **kwargs)

    def relay_request(self, wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Around the method that makes an HTTP request."""
        operation = relayed()
        if operation is None:
            return wrapped(*args, **kwargs)
        operation.asks()
        try:
            response = wrapped(*args, **kwargs)
        except Exception as error:
            operation.declined(error)
            raise
        operation.answered(response)
        return response

    async def async_relay_request(
        self, wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Around its asynchronous twin."""
        operation = relayed()
        if operation is None:
            return await wrapped(*args, **kwargs)
        operation.asks()
        try:
            response = await wrapped(*args, **kwargs)
        except Exception as error:
            operation.declined(error)
            raise
        operation.answered(response)
        return response

    def relay_call(
        self, wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Around the method of the openai SDK that every call passes."""
        operation = relayed()
        if operation is None:
            return wrapped(*args, **kwargs)
        operation.asks()
        args, kwargs = see_answer(operation, args, kwargs)
        try:
            result = wrapped(*args, **kwargs)
        except Exception as error:
            operation.declined(error)
            raise
        operation.served_at(getattr(client, "_base_url", None))
        returned(operation, result)
        return result

    async def async_relay_call(
        self, wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Around its asynchronous twin."""
        operation = relayed()
        if operation is None:
            return await wrapped(*args, **kwargs)
        operation.asks()
        args, kwargs = see_answer(operation, args, kwargs)
        try:
            result = await wrapped(*args, **kwargs)
        except Exception as error:
            operation.declined(error)
            raise
        operation.served_at(getattr(client, "_base_url", None))
        returned(operation, result)
        return result

    def relay_next(
        self, wrapped: Callable[..., Any], stream: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Around the method by which a stream of LiteLLM's gives its next item."""
        with reading(stream):
            return wrapped(*args, **kwargs)

    async def async_relay_next(
        self, wrapped: Callable[..., Any], stream: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Around its asynchronous twin."""
        with reading(stream):
            return await wrapped(*args, **kwargs)

    def _begin(self) -> Relayed | None:
        try:
            if relayed() is not None or is_suppressed(get_current()):
                return None
            return Relayed(self._telemetry, self._vendor.name, self._point.endpoint, self._vendor.providers[0], None)
        except Exception as error:
            swallow(error, "Relay._begin", self._vendor.name)
            return None


def _model_of(logging: Any) -> str | None:
    """The model, without the prefix by which LiteLLM is told which of Bedrock's operations to call."""
    model = text(logging, "model") or ""
    prefix, _, name = model.partition("/")
    return (name if prefix in _ROUTES else model) or None


def _part(result: Any) -> Any:
    """What a call returns that is part of another: if it is a stream, the operation's may be one over it."""
    operation = relayed()
    if operation is not None:
        operation.held_by(result)
    return result
