"""The span that an SDK makes itself for a call: of those that Speakeasy generates, mistralai, as far as it does.

The SDK starts and ends it around the request, inside the method, before it decodes the answer. So what the answer says
is read from its body then, and written on the span; the method counts it when it returns.

The law of this module: it alone knows the insides of these SDKs, and it imports none of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from otel_refusals.failure import never_fails
from otel_refusals.methods import calling
from otel_refusals.names import OPERATION
from otel_refusals.operation import Operation
from otel_refusals.outcome import Refused
from otel_refusals.wire import Decoder

_OPERATION = "_otel_refusals_operation"


class Speakeasy:
    """The wrappers for what makes, fills and ends the SDK's span."""

    def started_span(self, wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Around the function that returns the request and the span started for it."""
        result = wrapped(*args, **kwargs)
        _use(result)
        return result

    def answered_span(self, wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Around the function that ends the span of a whole answer, or keeps that of a stream in its response."""
        _read(kwargs.get("response"))
        response = wrapped(*args, **kwargs)
        _remember(response)
        return response

    def failed_span(self, wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Around the function that ends the span of an error answer."""
        _read_error(kwargs.get("response"))
        return wrapped(*args, **kwargs)

    def closed_span(
        self, wrapped: Callable[..., Any], response: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Around the method of a response that ends the span of a stream."""
        _settle(response)
        return wrapped(*args, **kwargs)


@never_fails
def _use(result: Any) -> None:
    operation, (_, span) = calling(), result
    attributes = getattr(span, "attributes", None)
    if operation is not None and isinstance(attributes, Mapping) and OPERATION in attributes:
        operation.span = span


@never_fails
def _read(response: Any) -> None:
    operation = _spanned()
    if operation is not None and response.is_closed:
        decoder = Decoder("application/json")
        list(decoder.feed(response.content))
        operation.body(decoder)


@never_fails
def _remember(response: Any) -> None:
    operation = _spanned()
    if operation is not None and not response.is_closed:
        setattr(response, _OPERATION, operation)


@never_fails
def _read_error(response: Any) -> None:
    """Read a decline; of a mere error the exception tells more, that the SDK will raise."""
    operation = _spanned()
    if operation is None:
        return
    body = response.json() if response.is_closed else {}
    wire = {**(body if isinstance(body, dict) else {}), "object": "error", "status_code": response.status_code}
    reader = operation.endpoint.reader()
    reader.feed(wire)
    if isinstance(reader.outcome(), Refused):
        operation.item(wire)


@never_fails
def _settle(response: Any) -> None:
    operation = getattr(response, _OPERATION, None)
    # An error on its way to the tap is not known here: what it means is counted there, and not on the span.
    if operation is not None and (operation.reader.decided or not isinstance(sys.exc_info()[1], Exception)):
        operation.settle()


def _spanned() -> Operation | None:
    """The operation of the call, where the SDK's span is its own."""
    operation = calling()
    return operation if operation is not None and operation.span is not None else None
