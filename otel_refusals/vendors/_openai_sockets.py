"""What the events of OpenAI's WebSockets say about which operation: Responses, Realtime, and Live over both.

Sources: `openai.types.responses.ResponsesServerEvent`, `openai.types.realtime.RealtimeServerEvent`,
`openai.types.live.ServerEvent`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otel_refusals.reader import field, text
from otel_refusals.vendor import Chokepoint, Endpoint, Frame
from otel_refusals.vendors._openai_decisions import DecisionsReader
from otel_refusals.vendors._openai_realtime import RealtimeReader
from otel_refusals.vendors._openai_responses import ResponsesReader

RESPONSES = Endpoint("GET", "/responses", "chat", ResponsesReader, results="stored")
REALTIME = Endpoint("GET", "/realtime", "chat", RealtimeReader, results="stored")
DECISIONS = Endpoint("GET", "/live", "generate_content", DecisionsReader)

_FIRST = frozenset({"response.created", "response.queued"})
_LAST = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled", "error"})


def sockets(module: str, name: str, since: str, frame: Callable[[Any], Frame | None]) -> tuple[Chokepoint, Chokepoint]:
    """The chokepoints of a connection class and its asynchronous twin."""
    return (
        Chokepoint(module, f"{name}.parse_event", "parse_event", since, frame=frame),
        Chokepoint(module, f"Async{name}.parse_event", "parse_event", since, frame=frame),
    )


def responses_frame(event: object) -> Frame | None:
    """Of the Responses API: one response at a time, or one per `stream_id`."""
    kind = text(event, "type") or ""
    if kind != "error" and not kind.startswith("response."):
        return None
    return Frame(text(event, "stream_id") or "", RESPONSES, event, kind in _FIRST, kind in _LAST)


def realtime_frame(event: object) -> Frame | None:
    """Of the Realtime API: every event of a response names it. Its `error` events are about the session."""
    kind = text(event, "type") or ""
    if not kind.startswith("response."):
        return None
    lane = text(event, "response_id") or text(event, "response", "id") or ""
    return Frame(lane, REALTIME, event, kind == "response.created", kind == "response.done")


def live_frame(event: object) -> Frame | None:
    """Of the Live API: the events of the responses and decisions that it delegates."""
    kind = text(event, "type")
    inner = field(event, "event")
    if kind == "decision.event":
        return Frame(text(event, "event_id") or "", DECISIONS, field(inner, "decision"), first=True, last=True)
    frame = responses_frame(inner) if kind == "response.event" else None
    if frame is None:
        return None
    return Frame(text(event, "delegation_id") or "", frame.endpoint, frame.wire, frame.first, frame.last)
