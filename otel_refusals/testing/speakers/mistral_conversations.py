"""The wire of Mistral's Conversations, which are declined by a guardrail alone: status 403, or an event of a stream.

Shapes as in `mistralai.client.models.ConversationResponse` and `ConversationEvents` of mistralai 3.7. They have no stop
reason: whatever is there has completed, or asks for a tool.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otel_refusals.testing.speakers.turn import NotSpokenError, Turn

_CREATED = {"created_at": "2026-11-23T10:00:00Z"}
_DECLINED = "This request was blocked by a guardrail of a test."


def conversation(turn: Turn) -> dict[str, Any]:
    """The whole answer, or the error that is there instead.

    Raises:
        NotSpokenError: for a scenario that has no form here.
    """
    _check(turn)
    if turn.scenario.outcome == "refused":
        return {"object": "error", "message": _DECLINED, "type": "guardrail_violation", "param": None, "code": "3001"}
    into, out = turn.input_tokens, turn.output_tokens
    return {
        "object": "conversation.response",
        "conversation_id": f"conv_{turn.id}",
        "outputs": [_output(turn)],
        "usage": {"prompt_tokens": into, "completion_tokens": out, "total_tokens": into + out},
    }


def conversation_events(turn: Turn) -> Iterator[dict[str, Any]]:
    """The stream of the same.

    Raises:
        NotSpokenError: for a scenario that has no form here.
    """
    _check(turn)
    return _events(turn)


def _events(turn: Turn) -> Iterator[dict[str, Any]]:
    yield {"type": "conversation.response.started", **_CREATED, "conversation_id": f"conv_{turn.id}"}
    entry = {**_CREATED, "output_index": 0, "model": _model(turn)}
    message = {"type": "message.output.delta", **entry, "id": f"msg_{turn.id}", "content_index": 0, "role": "assistant"}
    for piece in turn.text:
        yield {**message, "content": piece}
    if turn.thinking:
        thought = [{"type": "text", "text": "".join(turn.thinking)}]
        yield {**message, "content": {"type": "thinking", "thinking": thought, "closed": True}}
    if turn.calls_tool:
        yield {"type": "function.call.delta", **entry, **_call(turn)}
    if turn.scenario.outcome == "refused":
        yield {"type": "conversation.response.error", **_CREATED, "message": _DECLINED, "code": 403}
        return
    into, out = turn.input_tokens, turn.output_tokens
    usage = {"prompt_tokens": into, "completion_tokens": out, "total_tokens": into + out}
    yield {"type": "conversation.response.done", **_CREATED, "usage": usage}


def _output(turn: Turn) -> dict[str, Any]:
    entry = {"object": "entry", **_CREATED, "completed_at": _CREATED["created_at"], "model": _model(turn)}
    if turn.calls_tool:
        return {"type": "function.call", **entry, **_call(turn)}
    content = "".join(turn.text)
    return {"type": "message.output", **entry, "id": f"msg_{turn.id}", "role": "assistant", "content": content}


def _call(turn: Turn) -> dict[str, Any]:
    return {
        "id": f"fc_{turn.id}",
        "tool_call_id": f"call_{turn.id}",
        "name": turn.tool,
        "arguments": "".join(turn.arguments),
    }


def _model(turn: Turn) -> str:
    return turn.model or "mistral-medium-latest"


def _check(turn: Turn) -> None:
    if turn.scenario.outcome in ("truncated", "unknown"):
        raise NotSpokenError(f"a conversation of Mistral has no stop reason, so none is {turn.scenario.outcome}")
