"""Bytes of a response body in, wire objects out: JSON, JSON lines and server-sent events.

The law of this module: incremental and bounded. It keeps the line or the document that is being received, and nothing
of what was handed over; a body larger than `MAX_BODY` is no longer read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

EVENT_STREAM = "text/event-stream"

MAX_BODY = 32 * 1024 * 1024
"""Bytes of one document or one event that are kept at most."""


class WireFormatError(ValueError):
    """The bytes are neither JSON, JSON lines nor server-sent events."""


class Decoder:
    """Decodes one response body, fed in pieces of any size.

    Args:
        content_type: The `content-type` of the response; anything but an event stream is read as one JSON document.

    Attributes:
        events: Whether the body holds one wire object after the other.
        gave_up: Whether there was too much to read, so that nothing can be said of the body as a whole.
    """

    __slots__ = ("_buffer", "_data", "_event", "events", "gave_up")

    def __init__(self, content_type: str) -> None:
        self.events = EVENT_STREAM in content_type.lower()
        self._buffer = bytearray()
        self._event = ""
        self._data = bytearray()
        self.gave_up = False

    def feed(self, chunk: bytes, skip: frozenset[str] = frozenset()) -> Iterator[object]:
        """The wire objects that `chunk` completes, without the events whose name is in `skip`."""
        if self.gave_up:
            return
        # What is kept holds no line end but perhaps a last carriage return: a chunk without one need not be searched.
        ended = b"\n" in chunk or b"\r" in chunk or self._buffer.endswith(b"\r")
        self._buffer += chunk
        if self.events and ended:
            yield from self._lines(skip)
        if len(self._buffer) + len(self._data) > MAX_BODY:
            self.gave_up, self._buffer, self._data = True, bytearray(), bytearray()

    def end(self) -> Iterator[object]:
        """The wire object that the end of the body completes; none if more is to come after all."""
        if self.events:
            yield from self.feed(b"\n\n")
            return
        for wire in _json(bytes(self._buffer)):
            self._buffer = bytearray()
            yield wire

    def _lines(self, skip: frozenset[str]) -> Iterator[object]:
        # A lone carriage return ends a line too, but one at the end of a chunk may be half of a pair.
        lines = self._buffer.splitlines(keepends=True)
        self._buffer = lines.pop() if lines and not lines[-1].endswith(b"\n") else bytearray()
        for ended in lines:
            line = ended.rstrip(b"\r\n")
            if not line:
                if self._data and self._event not in skip:
                    yield from _json(bytes(self._data))
                self._event, self._data = "", bytearray()
                continue
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if name == b"event":
                self._event = value.decode("utf-8", "replace")
            elif name == b"data":
                self._data += value + b"\n"


def wire_objects(body: bytes) -> list[object]:
    """Every wire object in `body`, whose format is found by looking at it.

    Raises:
        WireFormatError: for bytes that are neither JSON, JSON lines nor server-sent events.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    head = body.lstrip()
    if head.startswith((b"data:", b"event:", b":", b"id:", b"retry:")):
        decoder = Decoder(EVENT_STREAM)
        return [*decoder.feed(body), *decoder.end()]
    try:
        return [json.loads(body)]
    except (ValueError, RecursionError):
        pass
    try:
        return [json.loads(line) for line in body.splitlines() if line.strip()] or [json.loads(body)]
    except (ValueError, RecursionError):
        raise WireFormatError("neither JSON, JSON lines nor server-sent events") from None


def _json(data: bytes) -> Iterator[object]:
    try:
        yield json.loads(data)
    except (ValueError, RecursionError):  # `[DONE]`, a heartbeat, or what only the SDK can make sense of
        return
