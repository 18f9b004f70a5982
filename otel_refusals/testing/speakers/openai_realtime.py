"""The events of one response of OpenAI's Realtime API, in text.

Shapes as in `openai.types.realtime.RealtimeServerEvent` of openai 3.54. Policies that have a code fail the response;
else the filter makes it incomplete. No category is named beside them, and there is no part for a refusal in the model's
own words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from otel_refusals.testing.speakers.openai_responses import REASONS, STATUSES, policy_of
from otel_refusals.testing.speakers.turn import NotSpokenError, Turn

_Event = dict[str, Any]
_numbers = count(1)


def numbered(event: _Event) -> _Event:
    """`event` with an `event_id` of its own."""
    return {"type": event["type"], "event_id": f"event_{next(_numbers):05}", **event}


def acknowledgement(message: Mapping[str, Any] | None) -> Iterator[_Event]:
    """What the session says to a message that asks for no response; to None, when it begins."""
    match message:
        case None:
            yield numbered({"type": "session.created", "session": {"type": "realtime", "object": "realtime.session"}})
        case {"type": "session.update", "session": session}:
            yield numbered({"type": "session.updated", "session": session})
        case {"type": "session.close"}:  # of a translation
            yield numbered({"type": "session.closed"})
        case {"type": "conversation.item.create", "item": item}:
            added = {"id": f"item_{next(_numbers):05}", "object": "realtime.item", "status": "completed", **item}
            for ending in ("added", "done"):
                yield numbered({"type": f"conversation.item.{ending}", "previous_item_id": None, "item": added})


def response_events(turn: Turn) -> Iterator[_Event]:
    """From `response.created` to `response.done`.

    Raises:
        NotSpokenError: for a refusal in the model's own words.
    """
    if turn.scenario.source == "model":
        raise NotSpokenError("the Realtime API has no part for a refusal in the model's own words (source='model')")
    return map(numbered, _events(turn))


def _events(turn: Turn) -> Iterator[_Event]:
    whole = _response(turn)
    started = {**whole, "status": "in_progress", "status_details": None, "output": [], "usage": None}
    yield {"type": "response.created", "response": started}
    for index, item in enumerate(whole["output"]):
        where = {"response_id": whole["id"], "output_index": index}
        begun: _Event = {"content": []} if item["type"] == "message" else {"arguments": ""}
        yield {
            "type": "response.output_item.added",
            **where,
            "item": {**item, **begun, "status": "in_progress"},
        }
        yield from _item_events(turn, item, {**where, "item_id": item["id"]})
        yield {"type": "response.output_item.done", **where, "item": item}
    yield {"type": "response.done", "response": whole}


def _item_events(turn: Turn, item: _Event, where: _Event) -> Iterator[_Event]:
    if item["type"] == "function_call":
        for piece in turn.arguments:
            call = {"call_id": item["call_id"], "delta": piece}
            yield {"type": "response.function_call_arguments.delta", **where, **call}
        if turn.scenario.outcome == "tool_call":
            call = {name: item[name] for name in ("call_id", "name", "arguments")}
            yield {"type": "response.function_call_arguments.done", **where, **call}
        return
    where = {**where, "content_index": 0}
    text = "".join(turn.text)
    yield {"type": "response.content_part.added", **where, "part": {"type": "text", "text": ""}}
    for piece in turn.text:
        yield {"type": "response.output_text.delta", **where, "delta": piece}
    yield {"type": "response.output_text.done", **where, "text": text}
    yield {"type": "response.content_part.done", **where, "part": {"type": "text", "text": text}}


def _response(turn: Turn) -> _Event:
    policy = policy_of(turn)
    status = "failed" if policy else STATUSES.get(turn.scenario.outcome, "incomplete")
    details: _Event | None = None
    if policy:
        error = {"type": "invalid_request_error", "code": policy, "message": "This was declined by a test."}
        details = {"type": "failed", "error": error}
    elif status == "incomplete":
        details = {"type": status, "reason": REASONS.get(turn.scenario.outcome, turn.scenario.stop_reason)}
    into, out = turn.input_tokens, turn.output_tokens
    return {
        "id": f"resp_{turn.id}",
        "object": "realtime.response",
        "status": status,
        "status_details": details,
        "output": list(_output(turn, "completed" if status == "completed" else "incomplete")),
        "conversation_id": f"conv_{turn.id}",
        "output_modalities": ["text"],
        "max_output_tokens": "inf",
        "usage": {"total_tokens": into + out, "input_tokens": into, "output_tokens": out},
        "metadata": None,
    }


def _output(turn: Turn, status: str) -> Iterator[_Event]:
    common = {"object": "realtime.item", "status": status}
    if turn.text:
        content = [{"type": "output_text", "text": "".join(turn.text)}]
        yield {"type": "message", "id": f"msg_{turn.id}", **common, "role": "assistant", "content": content}
    if turn.calls_tool:
        call = {"call_id": f"call_{turn.id}", "name": turn.tool, "arguments": "".join(turn.arguments)}
        yield {"type": "function_call", "id": f"fc_{turn.id}", **common, **call}
