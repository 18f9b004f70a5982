"""The seams of the SDKs that Stainless generates: anthropic and openai, from their oldest supported version on.

Every HTTP surface of both enters `SyncAPIClient.request` or `AsyncAPIClient.request` once per operation. What comes
out is seen at two places that all their versions have: the `post_parser` of the request's options, called with every
parsed response and every stream, also where the SDK then raises; and the returned object, for a response that is not
parsed yet.

The law of this module: it alone knows the insides of these SDKs, and it imports none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from copy import copy
from functools import cache
from typing import Any
from weakref import ref

from opentelemetry.context import get_current

from otel_refusals.answers import returned, see
from otel_refusals.body import End
from otel_refusals.collection import Collection
from otel_refusals.failure import never_fails, swallow
from otel_refusals.gateways import PROVIDERS, provider_at
from otel_refusals.operation import Operation
from otel_refusals.reader import as_text
from otel_refusals.relayed import RELAYED, relayed
from otel_refusals.suppression import is_suppressed
from otel_refusals.telemetry import Telemetry
from otel_refusals.vendor import Vendor

Wrapper = Callable[[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any]], Any]

_RAW = "X-Stainless-Raw-Response"
"""The header by which `with_raw_response` and `with_streaming_response` ask for a response that is not parsed yet."""

_CALLED: ContextVar[ref[Operation] | None] = ContextVar("otel_refusals.called", default=None)
"""The operation of the call that is being made; None within any other. Weak: a task that the SDK starts keeps a copy of
this, and may outlive a stream that is dropped.
"""


class _PostParser:
    """The `post_parser` that an operation adds: it looks, then lets the caller's own parser do its work."""

    __slots__ = ("operation", "parser")

    def __init__(self, operation: Operation, parser: Any) -> None:
        self.operation = operation
        self.parser = parser

    def __call__(self, value: Any) -> Any:
        see(self.operation, value)
        return self.parser(value) if callable(self.parser) else value

    def __deepcopy__(self, memo: object) -> _PostParser:
        # Some clients copy the options deeply, Vertex AI's for one; the operation stays the one it is.
        return self


class _PageParser:
    """The same for a call that fetches a list of operations."""

    __slots__ = ("collection", "parser")

    def __init__(self, collection: Collection, parser: Any) -> None:
        self.collection = collection
        self.parser = parser

    def __call__(self, value: Any) -> Any:
        self.collection.see(value)
        return self.parser(value) if callable(self.parser) else value

    def __deepcopy__(self, memo: object) -> _PageParser:
        return self


class Stainless:
    """The wrappers for one vendor's chokepoints.

    Args:
        vendor: Whose.
        telemetry: Receives the reports.
    """

    def __init__(self, vendor: Vendor, telemetry: Telemetry) -> None:
        self._vendor = vendor
        self._telemetry = telemetry
        self._route = vendor.router()
        # By the client's identity: what a weak dictionary does with each look-up is dear.
        self._providers: dict[int, tuple[ref[Any], Any, str]] = {}

    def call(self, wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Around `SyncAPIClient.request`."""
        operation, args, kwargs = self._begin(client, args, kwargs)
        outer, called = _CALLED.get(), None if operation is None else ref(operation)
        _CALLED.set(called)
        try:
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            if operation is not None:
                operation.end(error)
            raise
        finally:
            if _CALLED.get() is called:  # else this was closed in the midst of another call, whose that is
                _CALLED.set(outer)
        if operation is not None and operation.due:
            returned(operation, result)
        return result

    async def async_call(
        self, wrapped: Callable[..., Any], client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Around `AsyncAPIClient.request`."""
        operation, args, kwargs = self._begin(client, args, kwargs)
        outer, called = _CALLED.get(), None if operation is None else ref(operation)
        _CALLED.set(called)
        try:
            result = await wrapped(*args, **kwargs)
        except BaseException as error:
            if operation is not None:
                operation.end(error)
            raise
        finally:
            if _CALLED.get() is called:  # else this was closed in the midst of another call, whose that is
                _CALLED.set(outer)
        if operation is not None and operation.due:
            returned(operation, result)
        return result

    def native_span(self, wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Around `finish_api_call_span(client, span, result)`, by which the anthropic SDK ends its own span of a call:
        at once, or when the body of a stream was read, closed or dropped.
        """
        end = _use_native_span(args)
        ended = wrapped(*args, **kwargs)
        if end is not None:
            _end_before(args[2], end)
        return ended

    def _begin(
        self, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Operation | None, tuple[Any, ...], dict[str, Any]]:
        """The operation of a call that generates, and the arguments to make the call with."""
        try:
            options = args[1] if len(args) > 1 else kwargs["options"]
            endpoint = self._route(options.method, options.url)
            if endpoint is None:
                return None, args, kwargs
            context = get_current()
            if (context and is_suppressed(context)) or (RELAYED.get() is not None and relayed() is not None):
                return None, args, kwargs
            name, provider = self._vendor.name, self._provider_of(client)
            if endpoint.results == "each":
                collection = Collection(self._telemetry, name, endpoint, provider, options.url)
                return None, *_parsed_by(_PageParser(collection, options.post_parser), args, kwargs)
            operation = Operation(self._telemetry, name, endpoint, provider, _model_in(options), context)
            # Seen when the call returns it, which costs least, but where the SDK may raise after it has parsed it, and
            # where it parses a stream later.
            if callable(options.post_parser) or _parses_later(options, kwargs):
                return operation, *see_answer(operation, args, kwargs)
            return operation, args, kwargs
        except Exception as error:
            swallow(error, "Stainless._begin", self._vendor.name)
            return None, args, kwargs

    def _provider_of(self, client: Any) -> str:
        """By what the configuration says of the address, the client's class, and what is known of the address."""
        url = getattr(client, "_base_url", None)
        key = id(client)
        known = self._providers.get(key)
        if known is not None and known[1] is url:
            return known[2]
        usual = self._vendor.providers[0]
        provider = provider_at(url, self._telemetry.providers) or self._vendor.provider_of(client)
        if provider == usual:
            provider = provider_at(url, PROVIDERS) or usual
        self._providers[key] = ref(client, lambda _: self._providers.pop(key, None)), url, provider
        return provider


def see_answer(
    operation: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments to make a call with whose answer `operation` is to see."""
    options = args[1] if len(args) > 1 else kwargs["options"]
    return _parsed_by(_PostParser(operation, options.post_parser), args, kwargs)


def _parsed_by(parser: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    # A copy: the options may be the caller's own, to be used again.
    options = copy(args[1] if len(args) > 1 else kwargs["options"])
    vars(options)["post_parser"] = parser  # as the model would set it, after it has looked for reasons not to
    return ((args[0], options, *args[2:]), kwargs) if len(args) > 1 else (args, {**kwargs, "options": options})


def _parses_later(options: Any, kwargs: dict[str, Any]) -> bool:
    headers = options.headers
    raw = headers.get(_RAW) if isinstance(headers, dict) else None
    return raw is not None and bool(raw == "stream" or kwargs.get("stream"))


def _model_in(options: Any) -> str | None:
    extra = getattr(options, "extra_json", None)  # goes over the body
    for body in (extra, options.json_data) if extra else (options.json_data,):
        model = as_text(body.get("model")) if isinstance(body, dict) else None
        if model is not None:
            return model
    return None


def _use_native_span(args: tuple[Any, ...]) -> End | None:
    """Take the SDK's own span for the operation's, and end the operation before it where the call is over.

    Returns:
        What ends the operation, where its answer is still to be read.
    """
    try:
        _, span, result = args
        called = _CALLED.get()
        operation = None if called is None else called()
        if operation is None or isinstance(result.error, GeneratorExit):  # closed, perhaps in the midst of another call
            return None
        operation.span = span
        if result.error is not None:
            operation.end(result.error)
            return None
        return returned(operation, result.data)
    except Exception as error:
        swallow(error, "_use_native_span")
        return None


@never_fails
def _end_before(result: Any, end: End) -> None:
    """Call `end` before the SDK ends its span, when the body of a stream was read, closed, dropped or failed."""
    body = result.response.stream
    observer = body.stream_observer
    first = object.__new__(_ends_first(type(observer)))  # type: ignore[arg-type]
    vars(first).update(vars(observer), end_first=end)
    body.stream_observer = first


@cache
def _ends_first(kind: Any) -> Any:
    """The SDK's own kind of observer (it asks for it), whose `end` ends the operation first."""

    def end(self: Any, how: str, error: BaseException | None = None) -> None:
        self.end_first(error)
        kind.end(self, how, error)

    return type("EndsFirst", (kind,), {"end": end})
