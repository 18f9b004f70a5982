"""The wire fixtures as data: what vendors send, where each shape comes from, and what it reads as.

from otel_refusals.testing import wire

wire("anthropic", "stream_refusal_mid_text").outcome  # "refused"
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from otel_refusals.testing.event_stream import CONTENT_TYPE as FRAMED
from otel_refusals.testing.event_stream import frame
from otel_refusals.testing.stub import Reply

_FILES = files("otel_refusals.testing") / "wire"


@dataclass(frozen=True)
class Wire:
    """What a vendor sends as the answer to one call, or as the lines of one file or socket.

    Args:
        path: The file, under the directory `wire` of this package.
        surface: Which call is answered so.
        status: HTTP status.
        about: What is particular about it.
        outcome: The outcome that it reads as, in the contract's words.
        refusals: How many declines are in it.
        category: The normalised category of the deciding one.
        raw_category: The vendor's own value.
        stage: When it came.
        source: Who declined.
        discarded_output_tokens: Tokens to throw away; None where the wire does not tell.
    """

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
    def provider(self) -> str:
        """Whose wire it is: the directory."""
        return self.path.partition("/")[0]

    @property
    def name(self) -> str:
        """The name of the file, without its ending."""
        return self.path.rpartition("/")[2].partition(".")[0]

    @property
    def origin(self) -> str:
        """Where the shape comes from."""
        longest = max((prefix for prefix in _origins() if self.path.startswith(prefix)), key=len)
        return _origins()[longest]

    @property
    def body(self) -> bytes:
        """The bytes on the wire; of a stream in AWS's frames, its events, one a line."""
        return (_FILES / self.path).read_bytes()

    @property
    def streamed(self) -> bool:
        """Whether it is a stream of events, or a file of lines."""
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
        return Reply(map(frame, self.wires) if self.framed else self.body, self.status, self.content_type)

    @property
    def wires(self) -> list[Any]:
        """The wire objects as plain JSON."""
        if not self.streamed:
            return [json.loads(self.body)]
        if self.path.endswith(".jsonl"):
            return [json.loads(line) for line in self.body.splitlines()]
        data = [line[6:] for line in self.body.decode().splitlines() if line.startswith("data: ")]
        return [json.loads(line) for line in data if line != "[DONE]"]


def wire(provider: str, name: str) -> Wire:
    """One fixture.

    Args:
        provider: Whose wire: `anthropic`, `openai`, `azure_openai`, `gemini`, `bedrock`, ...
        name: The name of the file, with or without its ending.

    Raises:
        KeyError: where there is none; the message names those of the provider.
    """
    found = [one for one in wires(provider) if name in (one.name, one.path.rpartition("/")[2])]
    if not found:
        raise KeyError(f"no fixture {name!r}; {provider} has {', '.join(one.name for one in wires(provider))}")
    return found[0]


def wires(provider: str | None = None) -> list[Wire]:
    """All fixtures, or those of one provider.

    Raises:
        KeyError: for a provider that has none.
    """
    found = [one for one in _all() if provider in (None, one.provider)]
    if not found:
        raise KeyError(f"no fixtures of {provider!r}; there are {', '.join(sorted({o.provider for o in _all()}))}")
    return found


@cache
def _all() -> tuple[Wire, ...]:
    return tuple(Wire(**row) for row in json.loads((_FILES / "manifest.json").read_text()))


@cache
def _origins() -> dict[str, str]:
    origins: dict[str, str] = json.loads((_FILES / "origins.json").read_text())
    return origins
