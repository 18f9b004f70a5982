"""One call through LiteLLM, which relays it to the API of a vendor: by HTTP requests of its own, or by the openai SDK.

The operation is the call as the caller made it. The requests made inside it, its retries and fallbacks, are attempts;
each is read on the vendor's own wire, under all that LiteLLM makes of it. What LiteLLM answers without a request, from
its cache or a mock, is no operation.

The law of this module: that of `operation`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import ref

from otel_refusals.body import Body, watch_bytes
from otel_refusals.failure import never_fails
from otel_refusals.frames import FRAMES, FrameDecoder
from otel_refusals.gateways import PROVIDERS, provider_at
from otel_refusals.operation import Operation
from otel_refusals.reader import text
from otel_refusals.vendors._litellm_relay import RelayReader
from otel_refusals.wire import Decoder

RELAYED: ContextVar[ref[Relayed] | None] = ContextVar("otel_refusals_relayed", default=None)
"""The call through LiteLLM that this one is made for, or was."""


_OPERATION = "_otel_refusals_operation"


def relayed() -> Relayed | None:
    """The call through LiteLLM that is being made; what is requested in its course is part of it."""
    found = RELAYED.get()
    operation = None if found is None else found()
    return operation if operation is not None and operation.calling else None


class Relayed(Operation):
    """A call through LiteLLM. Attempts may end; the operation does when the call has returned and its stream ended."""

    __slots__ = ("_attempted", "_named", "_over", "_stream", "calling", "unasked")

    def __init__(self, *args: Any) -> None:
        self.calling = self.unasked = True
        self._named = self._attempted = self._over = False
        self._stream: ref[Any] | None = None
        super().__init__(*args)

    def end(self, error: BaseException | None = None) -> None:
        """Report how the operation ended, unless the call goes on or no request was made."""
        if self.calling:
            self._over = True
            return
        if not self._attempted:
            self.due.clear()
            return
        if error is None:
            self._read_mapped()
        super().end(error)

    @never_fails
    def attempt(self, provider: str, model: str | None) -> None:
        """LiteLLM says what it is about to request."""
        if isinstance(self.reader, RelayReader):
            self.reader.attempt(provider)
        self.provider, self.model = provider, model
        self._named = self.unasked = True
        self._over = False
        self._whole = self.watched = False
        self.tapped = None
        self.decided_at = 0

    def whole(self, response: object) -> None:
        """Read a whole response, unless its bytes were read before."""
        if self.unread:
            super().whole(response)

    def asks(self) -> None:
        """A request is made."""
        if self._named:
            self._attempted, self.unasked = True, False

    @never_fails
    def answered(self, response: Any) -> None:
        """Read the HTTP library's response, or watch what is still to be read of it."""
        if not self._attempted or self.reader.decided:
            return  # no request for a model, as a token or a log is
        self.served_at(response.url)
        kind = response.headers.get("content-type", "")
        decoder = FrameDecoder() if FRAMES in kind else Decoder(kind)
        if response.is_closed:
            for wire in decoder.feed(response.content):
                self.item(wire)
            self.body(decoder)
        else:
            self.streams()
            watch_bytes(response, self, Body(self, response, decoder))

    @never_fails
    def declined(self, error: BaseException) -> None:
        """Read the error answer that `error` holds, in case that it is a decline."""
        response = getattr(error, "response", None)
        if not self._attempted or self.reader.decided or response is None:
            return
        self.served_at(response.url)
        body = response.content if response.is_closed else getattr(error, "text", None)
        if isinstance(self.reader, RelayReader):
            self.reader.error_body(_json(body or getattr(error, "message", None)))

    def served_at(self, url: Any) -> None:
        """Name the provider by its address: as the configuration says, or where LiteLLM only knows whose wire it is."""
        known = provider_at(url, self._telemetry.providers)
        if known is None and self.provider == "openai":
            known = provider_at(url, PROVIDERS)
        self.provider = known or self.provider

    def failed(self, error: BaseException) -> None:
        """The call raised `error`."""
        self.calling = False
        self.end(error)

    @never_fails
    def held_by(self, stream: Any) -> None:
        """LiteLLM made `stream`: the operation ends with it, and its request may be made when it is first read."""
        if hasattr(stream, "__dict__") and (hasattr(stream, "__next__") or hasattr(stream, "__anext__")):
            vars(stream)[_OPERATION] = self
            self._stream = ref(stream)

    @never_fails
    def returned(self, result: Any) -> None:
        """The call returned an answer, or a stream that may not have begun."""
        self.calling = False
        self.held_by(result)
        if self._stream is None:
            if self.unread and not self.streaming:
                self.whole(result)
            self.end()
        else:
            self.begun()

    def begun(self) -> None:
        """Somebody has a stream. What it gives may have been here as a whole."""
        self.calling = False
        if self._over or not (self.streaming or self.unread):
            self.end()
        self.streams()

    def _read_mapped(self) -> None:
        """Of a stream on a wire that nobody knows: what LiteLLM says that it ended with."""
        stream = None if self._stream is None else self._stream()
        reason = text(stream, "received_finish_reason")
        if not self.reader.decided and reason is not None:
            self.item({"object": "chat.completion", "choices": [{"index": 0, "finish_reason": reason}]})


@contextmanager
def calling(operation: Relayed) -> Iterator[None]:
    """The time in which what is requested is part of `operation`."""
    operation.calling = True
    outer, called = RELAYED.get(), ref(operation)
    RELAYED.set(called)
    try:
        yield
    finally:
        if RELAYED.get() is called:  # else this was closed in the midst of another call, whose that is
            RELAYED.set(outer)


@contextmanager
def reading(stream: Any) -> Iterator[None]:
    """The time in which `stream` gives an item: the first may be what the request is made for; the last ends it all."""
    operation = vars(stream).get(_OPERATION)
    if not isinstance(operation, Relayed):
        yield
        return
    try:
        if operation.unasked:
            with calling(operation):
                yield
            operation.begun()
        else:
            yield
    except BaseException as error:
        operation.calling = False
        operation.end(None if isinstance(error, (StopIteration, StopAsyncIteration)) else error)
        raise


def _json(body: object) -> object:
    try:
        return json.loads(body) if isinstance(body, (str, bytes)) else body
    except (ValueError, RecursionError):
        return None
