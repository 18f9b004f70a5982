"""The events of OpenAI's Live sessions: what a session delegates comes inside events of the session.

Shapes as in `openai.types.live.ServerEvent` of openai 3.54. A model that hears no speech delegates nothing, so the
first delegation comes as soon as the session starts: a decision where the session delegates to decisions, else a
response.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from otel_refusals.testing.speakers.openai_decisions import decision
from otel_refusals.testing.speakers.openai_realtime import numbered
from otel_refusals.testing.speakers.openai_responses import response_events
from otel_refusals.testing.speakers.turn import Turn

_Event = dict[str, Any]


def delegation_to(message: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Where `message` makes the session delegate, and how the session is configured for it."""
    delegation = (message.get("session") or {}).get("delegation") or {}
    decides = message.get("type") == "decision.create" or delegation.get("type") == "decisions"
    target = "decisions" if decides else "responses"
    return target, delegation.get(target) or {}


_ASKING = frozenset({"session.start", "response.create", "decision.create"})


def asks(message: Mapping[str, Any]) -> bool:
    """Whether `message` makes the session delegate."""
    return message.get("type") in _ASKING


def acknowledgement(message: Mapping[str, Any] | None) -> Iterator[_Event]:
    """What the session says to a message, before anything is delegated."""
    message = message or {}
    match message.get("type"):
        case "session.start" | "session.update" as kind:
            session = {"id": "live_stub", "expires_at": 4_000_000_000, "model": "", "status": "active"}
            said = {"session": session | dict(message.get("session") or {}), **_client_event(message)}
            yield numbered({"type": "session.started" if kind == "session.start" else "session.updated", **said})
        case "session.close":
            yield numbered({"type": "session.closed", "reason": "close_requested", **_client_event(message)})


def _client_event(message: Mapping[str, Any]) -> _Event:
    return {"client_event_id": message["event_id"]} if "event_id" in message else {}


def events(turn: Turn) -> Iterator[_Event]:
    """One delegation: the events of a response, or one decision."""
    target, configured = delegation_to(turn.body)
    delegated = Turn(turn.scenario, configured, turn.model)
    delegation = {"id": f"dlg_{turn.id}", "type": "delegation", "target": target}
    yield numbered({"type": "session.delegation.created", "delegation": delegation, "offset_ms": 0})
    if target == "decisions":
        decided = {"type": "decision.completed", "decision": decision(delegated)}
        yield nested(decided, f"dlg_{turn.id}")
        return
    for event in response_events(delegated):
        yield nested(event, f"dlg_{turn.id}")


def nested(event: _Event, delegation: str = "dlg_stub") -> _Event:
    """`event` of the Responses or Decisions API, as the session passes it on."""
    kind = "decision.event" if event["type"] == "decision.completed" else "response.event"
    return numbered({"type": kind, "delegation_id": delegation, "event": event})
