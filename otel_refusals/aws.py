"""The seam of the AWS SDKs: botocore, and aiobotocore over aiohttp or httpx.

One method makes the requests of every service, so a call to any other than Bedrock passes after one look at the
service's name. It is below `_make_api_call`, which is where others make their spans: theirs is current here whoever
wrapped first, and lives until the caller has read what we saw before.

The law of this module: it alone knows the insides of these SDKs, and imports none of them. The caller gets the very
`EventStream` or `StreamingBody`, over the very response of the HTTP library, and nothing is read that it does not read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import unquote

from opentelemetry.context import get_current

from otel_refusals.body import Body, End, watch_bytes
from otel_refusals.failure import never_fails, swallow
from otel_refusals.operation import Operation
from otel_refusals.reader import NOTHING, field
from otel_refusals.suppression import is_suppressed
from otel_refusals.tap import AsyncTap, Tap, tee
from otel_refusals.telemetry import Telemetry
from otel_refusals.vendor import Vendor

SERVICE = "bedrock-runtime"
"""The one service of which any operation generates."""

_DO_NOT_GENERATE = ("embed", "rerank")
"""Parts of the ids of models that make vectors and rankings."""


class Aws:
    """The wrappers of `_make_request`.

    Args:
        vendor: Whose.
        telemetry: Receives the reports.
    """

    def __init__(self, vendor: Vendor, telemetry: Telemetry) -> None:
        self._vendor = vendor
        self._telemetry = telemetry
        self._route = vendor.router()

    def aws_call(self, wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Around `BaseClient._make_request(operation_model, request_dict, request_context)`."""
        operation = self._begin(client, args, kwargs)
        if operation is None:
            return wrapped(*args, **kwargs)
        try:
            answer = wrapped(*args, **kwargs)
        except BaseException as error:
            operation.end(error)
            raise
        _answered(operation, *answer)
        return answer

    async def async_aws_call(
        self, wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Around `AioBaseClient._make_request`."""
        operation = self._begin(client, args, kwargs)
        if operation is None:
            return await wrapped(*args, **kwargs)
        try:
            answer = await wrapped(*args, **kwargs)
        except BaseException as error:
            operation.end(error)
            raise
        _answered(operation, *answer)
        return answer

    def _begin(self, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operation | None:
        """The operation of a call that generates; None for any other."""
        try:
            if client._service_model.service_name != SERVICE:
                return None
            request = args[1] if len(args) > 1 else kwargs["request_dict"]
            endpoint = self._route(request["method"], request["url_path"])
            if endpoint is None or is_suppressed(get_current()):
                return None
            model = model_in(request["url_path"])
            if model is not None and any(part in model for part in _DO_NOT_GENERATE):
                return None
            provider = self._vendor.provider_of(client)
            operation = Operation(self._telemetry, self._vendor.name, endpoint, provider, model)
            if endpoint.operation == "apply_guardrail":  # the answer does not tell which side was assessed
                operation.reader.feed(json.loads(request["body"]))
            return operation
        except Exception as error:
            swallow(error, "Aws._begin", self._vendor.name)
            return None


def model_in(path: str) -> str | None:
    """The requested model in the path of a request; None for a request that names none.

    Of an ARN the resource stands for the model, as it fits a label and holds no account number: the id of a foundation
    model or of a cross-region profile by itself, anything else with its kind: `application-inference-profile/a1b2c3`.
    """
    _, _, after = path.partition("/model/")
    if not after:
        return None
    model = unquote(after.partition("/")[0])
    if not model.startswith("arn:"):
        return model
    resource = model.split(":", 5)[-1]
    kind, _, name = resource.partition("/")
    return name if kind in ("foundation-model", "inference-profile") else resource


@never_fails
def _answered(operation: Operation, http: Any, parsed: Any) -> None:
    """Read an answer that is here, or watch what is still to be read."""
    streamed = parsed.get("stream", parsed.get("body"))
    if streamed is None or http.status_code >= 300:
        operation.whole(parsed)
        operation.end()
        return
    operation.streams()
    if hasattr(streamed, "_event_generator"):
        _watch_events(operation, streamed)
    else:
        # The body of aiobotocore 2 is a proxy of the response itself.
        _watch_body(operation, getattr(streamed, "_raw_stream", None) or streamed.__wrapped__, http)


def _watch_events(operation: Operation, stream: Any) -> None:
    frames = stream._event_generator
    tap = AsyncTap if hasattr(frames, "__anext__") else Tap
    stream._event_generator = tap(frames, _Events(operation))
    _watch_response(stream._raw_stream, operation.leave)


def _watch_body(operation: Operation, response: Any, http: Any) -> None:
    document = _Document(operation, http)
    if hasattr(response, "aiter_raw"):  # httpx's
        watch_bytes(response, operation, document)
    elif hasattr(response, "content"):  # aiohttp's
        response.content = _Content(response.content, document)
        _watch_response(response, operation.leave)
    else:
        _watch_response(response, operation.leave, document)


class _Events:
    """The frames of an event stream, shown to the operation as events by their names."""

    __slots__ = ("_operation",)

    skip = NOTHING

    def __init__(self, operation: Operation) -> None:
        self._operation = operation

    @property
    def reader(self) -> _Events:
        return self

    def glance(self, frame: Any) -> bool:
        """Whether events of this name do not matter any more."""
        try:
            return frame.headers[":event-type"] in self._operation.reader.skip
        except Exception:  # an error has another name
            return False

    @never_fails
    def item(self, frame: Any) -> None:
        """Read one frame. The SDK raises an error event to the caller by itself, so it ends the operation here."""
        headers = frame.headers
        name = headers.get(":event-type")
        if name is not None:
            self._operation.item({name: _json(frame.payload)})
            # Others end their span with the last event, not with the end of the stream: so it is ours as well.
            if getattr(self._operation.reader, "ended", False):
                self._operation.end()
            return
        code, message = headers.get(":exception-type"), frame.payload
        if code is None:
            code, message = headers.get(":error-code"), headers.get(":error-message")
        else:
            message = field(_json(message), "message")
        self._operation.item({"Error": {"Code": code, "Message": message}})
        self._operation.end()

    def end(self, error: BaseException | None = None) -> None:
        """The stream ended, or broke."""
        self._operation.end(error)


def _json(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):  # what the SDK makes of it, the caller will see
        return None


class _Document(Body):
    """The body of an answer, which ends with its last byte: a caller that knows its length asks for no more."""

    __slots__ = ("_missing",)

    def __init__(self, operation: Operation, http: Any) -> None:
        super().__init__(operation, http)
        length = http.headers.get("content-length", "")
        self._missing = int(length) if length.isdecimal() else None

    @never_fails
    def item(self, chunk: bytes) -> None:
        """Read one piece of the body."""
        super().item(chunk)
        if self._missing is not None:
            self._missing -= len(chunk)
            if not self._missing:
                self.end()

    def read(self, chunk: bytes, asked: int | None) -> None:
        """The caller asked for so many bytes (None or less than zero: for all) and got `chunk`."""
        if chunk:
            self.item(chunk)
        if asked is None or asked < 0 or (asked and not chunk):
            self.end()


class _Content:
    """Stands before aiohttp's reader of a body: all that aiobotocore and aiohttp's response read passes `read`."""

    def __init__(self, inner: Any, document: _Document) -> None:
        self._inner = inner
        self._document = document

    async def read(self, n: int = -1) -> bytes:
        try:
            data: bytes = await self._inner.read(n)
        except BaseException as error:
            self._document.end(error)
            raise
        self._document.read(data, n)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _watch_response(response: Any, left: End, document: _Document | None = None) -> None:
    """Hear `response` being closed, and see what is read of it. It stays what it is, and gets no new reference."""
    vars(response).update(_left=left, _document=document)
    response.__class__ = _watched(type(response))  # type: ignore[arg-type]


@cache
def _watched(kind: Any) -> type:
    """The HTTP library's own kind of response, seen through."""

    def reading(name: str) -> Callable[..., Any]:
        def read(self: Any, *args: Any, **kwargs: Any) -> Any:
            document = self._document
            if document is None:
                return getattr(kind, name)(self, *args, **kwargs)
            try:
                data = getattr(kind, name)(self, *args, **kwargs)
            except BaseException as error:
                document.end(error)
                raise
            asked = args[0] if args else kwargs.get("amt")
            # `read1` gives what is there, never all that is to come.
            document.read(data, asked if name == "read" or (asked is not None and asked >= 0) else 1)
            return data

        return read

    def read_chunked(self: Any, *args: Any, **kwargs: Any) -> Any:
        chunks = kind.read_chunked(self, *args, **kwargs)
        return chunks if self._document is None else tee(chunks, self._document)

    def leaving(name: str) -> Callable[..., Any]:
        def leave(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return getattr(kind, name)(self, *args, **kwargs)
            finally:
                self._left()

        return leave

    seen = {
        **{name: leaving(name) for name in ("close", "release")},
        **{name: reading(name) for name in ("read", "read1")},
        "read_chunked": read_chunked,
    }
    own: dict[str, Any] = {name: method for name, method in seen.items() if hasattr(kind, name)}
    return type(kind.__name__, (kind,), {**own, "__module__": kind.__module__})
