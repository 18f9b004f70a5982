"""Frames of `application/vnd.amazon.eventstream`, as Bedrock sends them."""

from __future__ import annotations

import base64
import json
import struct
from binascii import crc32
from typing import Any


def chunk_frame(payload: Any) -> bytes:
    """One `chunk` frame around the JSON of an event."""
    encoded = base64.b64encode(json.dumps(payload).encode()).decode()
    body = json.dumps({"bytes": encoded}).encode()
    headers = b"".join(
        _header(name, value)
        for name, value in (
            (":event-type", "chunk"),
            (":content-type", "application/json"),
            (":message-type", "event"),
        )
    )
    prelude = struct.pack(">II", 12 + len(headers) + len(body) + 4, len(headers))
    message = prelude + struct.pack(">I", crc32(prelude)) + headers + body
    return message + struct.pack(">I", crc32(message))


def _header(name: str, value: str) -> bytes:
    raw_name, raw_value = name.encode(), value.encode()
    return struct.pack("B", len(raw_name)) + raw_name + b"\x07" + struct.pack(">H", len(raw_value)) + raw_value
