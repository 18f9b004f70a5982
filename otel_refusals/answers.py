"""What a call of an SDK that Stainless generates gives: a parsed response, a stream, or a response still to be read.

The law of this module: that of `tap` and of `body`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal
from weakref import ref

from otel_refusals.body import End, end_when_closed, watch_bytes
from otel_refusals.failure import never_fails, swallow
from otel_refusals.operation import Operation
from otel_refusals.reader import field
from otel_refusals.tap import AsyncTap, Tap
from otel_refusals.wire import Decoder


@never_fails
def see(operation: Operation, value: Any) -> None:
    """Read a parsed response, or place a tap under a stream."""
    if not operation.due:
        return
    form = _form(type(value))  # type: ignore[arg-type]
    if form == "model":
        operation.whole(value)
    elif form == "stream":
        operation.streams()
        iterator = value._iterator
        operation.tapped = ref(iterator)
        tap = AsyncTap if hasattr(iterator, "__anext__") else Tap
        value._iterator = tap(iterator, operation)
        end_when_closed(value.response, operation, iterator)
    elif isinstance(value, (str, bytes)):
        _read_body(operation, value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value, "")
    else:
        operation.whole(value)


@lru_cache(maxsize=256)
def _form(cls: Any) -> Literal["model", "stream", ""]:
    """What objects of a class are: where there is no such attribute, pydantic takes long to look for it."""
    if any(base.__name__ == "BaseModel" for base in cls.__mro__):
        return "model"
    return "stream" if hasattr(cls, "__stream__") else ""


def returned(operation: Operation, result: Any) -> End | None:
    """End the operation of a call that returned a finished response, or watch a body that is still to be read.

    Returns:
        What ends the operation in the second case.
    """
    if not operation.due or operation.watched:
        return None
    try:
        if not operation.tapped and operation.plain(result):  # nearly every call, by the shortest way
            return None
        form = _form(type(result))  # type: ignore[arg-type]
        response = result if form else field(result, "http_response") or result
        if form or not hasattr(type(response), "iter_bytes"):
            if operation.unread and not operation.tapped:
                see(operation, result)
        elif response.is_closed:  # the body is here already, and the caller may never parse it
            _read_body(operation, response.content, response.headers.get("content-type", ""))
        elif not operation.tapped:
            operation.streams()
            watch_bytes(response, operation)
            operation.watched = True
            return operation.leave
        if not operation.tapped:
            operation.end()
            return None
        operation.watched = True
        return operation.leave
    except Exception as error:
        swallow(error, "returned", operation.vendor_name)
        return None


def _read_body(operation: Operation, body: bytes, content_type: str) -> None:
    decoder = Decoder(content_type)
    for wire in decoder.feed(body):
        operation.item(wire)
    operation.body(decoder)
