"""What OpenAI's WebSockets have in common: who is asked, by which messages, and how an answer made for HTTP is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from otel_refusals.testing.speakers.openai_live import delegation_to
from otel_refusals.testing.speakers.openai_responses import response_events
from otel_refusals.testing.speakers.turn import Turn

_Event = dict[str, Any]


def creates(message: Mapping[str, Any]) -> bool:
    """Whether `message` asks for a response."""
    return message.get("type") == "response.create"


def model_of(message: Mapping[str, Any], first: Mapping[str, Any], path: str) -> str:
    """The model of the message, else of what a session delegates to, else of the session, else in the query."""
    _, configured = delegation_to(message)
    named = (message, configured, message.get("session") or {}, first.get("session") or {})
    opened_for = parse_qs(urlsplit(path).query).get("model", [""])[0]
    return next((str(one["model"]) for one in named if one.get("model")), opened_for)


def lane(turn: Turn) -> Iterator[_Event]:
    """The events of a response, each with the lane of the connection that the request names."""
    echoed = {"stream_id": turn.body["stream_id"]} if turn.body.get("stream_id") else {}
    return (event | echoed for event in response_events(turn))


def as_event(one: _Event, status: int) -> _Event:
    """What an endpoint answers in one piece, as the event of a stream that says the same."""
    if "type" in one:
        return one
    if "answers" in one:
        return {"type": "decision.completed", "decision": one}
    if "error" in one and "status" not in one:
        return {"type": "error", "status": status, "error": one["error"]}
    return {"type": f"response.{one['status']}", "response": one}
