"""The wire fixtures, and how to have the stub vendor send one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from otel_refusals.testing import Reply
from otel_refusals.testing.event_stream import CONTENT_TYPE as FRAMED
from otel_refusals.testing.event_stream import frame

_WIRE = files("otel_refusals.testing") / "wire"


@dataclass(frozen=True)
class Fixture:
    """One row of the manifest."""

    path: str
    surface: str
    status: int
    about: str
    outcome: str
    refusals: int
    category: str | None
    raw_category: str | None
    stage: str | None
    source: str | None
    discarded_output_tokens: int | None

    @property
    def body(self) -> bytes:
        """The bytes on the wire."""
        return (_WIRE / self.path).read_bytes()

    @property
    def streamed(self) -> bool:
        """Whether it is a stream of events."""
        return self.path.endswith((".sse", ".jsonl"))

    @property
    def framed(self) -> bool:
        """Whether it is a stream of events, one a line here, that AWS sends in frames of its own."""
        return self.path.endswith(".events.jsonl")

    @property
    def content_type(self) -> str:
        """As the vendor calls it."""
        if self.framed:
            return FRAMED
        if self.path.endswith(".jsonl"):
            return "application/stream+json"
        return "text/event-stream" if self.streamed else "application/json"

    @property
    def reply(self) -> Reply:
        """What the vendor answers."""
        body = map(frame, self.wires) if self.framed else self.body
        return Reply(body, self.status, self.content_type)

    @property
    def wires(self) -> list[Any]:
        """The wire objects as plain JSON."""
        if not self.streamed:
            return [json.loads(self.body)]
        if self.path.endswith(".jsonl"):
            return [json.loads(line) for line in self.body.splitlines()]
        data = [line[6:] for line in self.body.decode().splitlines() if line.startswith("data: ")]
        return [json.loads(line) for line in data if line != "[DONE]"]


FIXTURES = [Fixture(**row) for row in json.loads((_WIRE / "manifest.json").read_text())]
BY_PATH = {fixture.path: fixture for fixture in FIXTURES}


def fixture(path: str) -> Fixture:
    """The fixture at `path`, for example `anthropic/stream_completed.sse`."""
    return BY_PATH[path]
