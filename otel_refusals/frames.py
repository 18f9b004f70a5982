"""The event streams of AWS: frames of bytes in, wire objects out, for whoever does not read them with an AWS SDK.

A frame is its length and that of its headers (and a checksum), headers, a payload of JSON and a checksum. The law of
this module: the one of `wire`, and a frame that makes no sense ends the reading, not the stream.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from struct import Struct

from otel_refusals.wire import MAX_BODY, Decoder

FRAMES = "application/vnd.amazon.eventstream"

_MAX_HEADERS = 128 * 1024
"""As the protocol and the AWS SDKs have it."""

_PRELUDE = Struct("!III")
_CHECKSUM = 4
_STRING = 7


class FrameDecoder(Decoder):
    """Decodes one response body, fed in pieces of any size."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(FRAMES)
        self.events = True

    def feed(self, chunk: bytes, skip: frozenset[str] = frozenset()) -> Iterator[object]:
        """The wire objects that `chunk` completes, by the names of their events, without those in `skip`."""
        if self.gave_up:
            return
        self._buffer += chunk
        while len(self._buffer) >= _PRELUDE.size:
            length, of_headers, _ = _PRELUDE.unpack_from(self._buffer)
            payload_at, end = _PRELUDE.size + of_headers, length - _CHECKSUM
            if length > MAX_BODY or of_headers > _MAX_HEADERS or payload_at > end:
                self.gave_up, self._buffer = True, bytearray()
                return
            if len(self._buffer) < length:
                return
            headers, payload = self._buffer[_PRELUDE.size : payload_at], self._buffer[payload_at:end]
            del self._buffer[:length]
            names = _names(bytes(headers))
            if names.get(":event-type") not in skip:
                yield from _wires(names, bytes(payload))

    def end(self) -> Iterator[object]:
        """Nothing: each frame tells its length."""
        return iter(())


def _names(headers: bytes) -> dict[str, str]:
    """The headers; all that matter are strings, and so are all that the runtime sends."""
    found: dict[str, str] = {}
    at = 0
    while at < len(headers):
        kind = at + 1 + headers[at]
        value = kind + 3
        if headers[kind : kind + 1] != bytes([_STRING]) or len(headers) < value:
            break
        end = value + int.from_bytes(headers[kind + 1 : value], "big")
        found[headers[at + 1 : kind].decode("utf-8", "replace")] = headers[value:end].decode("utf-8", "replace")
        at = end
    return found


def _wires(names: dict[str, str], payload: bytes) -> Iterator[object]:
    """The event by its name, or the error, as the AWS SDKs show them."""
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        content = None
    event = names.get(":event-type")
    if event is not None:
        yield {event: content}
        return
    code, message = names.get(":exception-type"), content.get("message") if isinstance(content, dict) else None
    if code is None:
        code, message = names.get(":error-code"), names.get(":error-message")
    yield {"Error": {"Code": code, "Message": message}}
