"""The framing of `application/vnd.amazon.eventstream`, as AWS sends the events of a stream."""

from __future__ import annotations

import base64
import json
import struct
from binascii import crc32
from collections.abc import Mapping
from typing import Any

CONTENT_TYPE = "application/vnd.amazon.eventstream"


def frame(event: Mapping[str, Any]) -> bytes:
    """One frame around an event, for example `{"messageStop": {"stopReason": "end_turn"}}`.

    The event's name goes into the headers; one that ends in `Exception` is an error. `bytes` in a payload are sent as
    base64, and so is the JSON of anything else that stands there.
    """
    ((name, payload),) = event.items()
    kind = "exception" if name.endswith("Exception") else "event"
    headers = {f":{kind}-type": name, ":content-type": "application/json", ":message-type": kind}
    if "bytes" in payload:
        content = payload["bytes"]
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        payload = {**payload, "bytes": base64.b64encode(raw).decode()}
    return message(headers, json.dumps(payload).encode())


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One frame with these headers around `payload`: two lengths and their checksum, the frame, its checksum."""
    encoded = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    prelude = struct.pack(">II", 12 + len(encoded) + len(payload) + 4, len(encoded))
    framed = prelude + struct.pack(">I", crc32(prelude)) + encoded + payload
    return framed + struct.pack(">I", crc32(framed))


def _header(name: bytes, value: bytes) -> bytes:
    return struct.pack("B", len(name)) + name + b"\x07" + struct.pack(">H", len(value)) + value
