"""The wires of Cohere's chat, version 2 and version 1.

Shapes as in `cohere.V2ChatResponse`, `V2ChatStreamResponse` and `cohere.NonStreamedChatResponse` of cohere 7.3. What is
declined ends with `ERROR_TOXIC`; no category is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otel_refusals.testing.speakers.turn import Turn

_FINISH_REASONS = {
    "completed": "COMPLETE",
    "tool_call": "TOOL_CALL",
    "truncated": "MAX_TOKENS",
    "refused": "ERROR_TOXIC",
}


def finish_reason(turn: Turn) -> str:
    """How it ended, in Cohere's words."""
    return _FINISH_REASONS.get(turn.scenario.outcome, turn.scenario.stop_reason.upper())


def units(turn: Turn) -> dict[str, int]:
    """What is billed."""
    return {"input_tokens": turn.input_tokens, "output_tokens": turn.output_tokens}


def _usage(turn: Turn) -> dict[str, Any]:
    return {"billed_units": units(turn), "tokens": units(turn)}


def _call(turn: Turn, arguments: str) -> dict[str, Any]:
    function = {"name": turn.tool, "arguments": arguments}
    return {"id": f"{turn.tool}_{turn.id}", "type": "function", "function": function}


def chat(turn: Turn) -> dict[str, Any]:
    """The whole answer of version 2."""
    content: list[dict[str, Any]] = []
    if turn.thinking:
        content.append({"type": "thinking", "thinking": "".join(turn.thinking)})
    if turn.text:
        content.append({"type": "text", "text": "".join(turn.text)})
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if turn.calls_tool:
        message["tool_calls"] = [_call(turn, "".join(turn.arguments))]
    return {"id": turn.id, "finish_reason": finish_reason(turn), "message": message, "usage": _usage(turn)}


def chat_events(turn: Turn) -> Iterator[dict[str, Any]]:
    """The stream of the same."""
    empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield {"type": "message-start", "id": turn.id, "delta": {"message": empty}}
    for kind, pieces in (("thinking", turn.thinking), ("text", turn.text)):
        if pieces:
            yield {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": kind, kind: ""}}}}
            for piece in pieces:
                yield {"type": "content-delta", "index": 0, "delta": {"message": {"content": {kind: piece}}}}
            yield {"type": "content-end", "index": 0}
    if turn.calls_tool:
        yield {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": _call(turn, "")}}}
        for piece in turn.arguments:
            part = {"function": {"arguments": piece}}
            yield {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": part}}}
        if turn.scenario.outcome == "tool_call":
            yield {"type": "tool-call-end", "index": 0}
    yield {"type": "message-end", "delta": {"finish_reason": finish_reason(turn), "usage": _usage(turn)}}


def chat_v1(turn: Turn) -> dict[str, Any]:
    """The whole answer of version 1."""
    calls = [{"name": turn.tool, "parameters": {}}] if turn.calls_tool else None
    answer = {
        "response_id": turn.id,
        "generation_id": f"g{turn.id}",
        "text": "".join(turn.text),
        "chat_history": [],
        "finish_reason": finish_reason(turn),
        "meta": {"api_version": {"version": "1"}, "billed_units": units(turn)},
    }
    return answer | {"tool_calls": calls} if calls else answer


def chat_v1_events(turn: Turn) -> Iterator[dict[str, Any]]:
    """The stream of the same, one event a line."""
    yield {"is_finished": False, "event_type": "stream-start", "generation_id": f"g{turn.id}"}
    for piece in turn.text:
        yield {"is_finished": False, "event_type": "text-generation", "text": piece}
    if turn.calls_tool:
        calls = [{"name": turn.tool, "parameters": {}}]
        yield {"is_finished": False, "event_type": "tool-calls-generation", "tool_calls": calls}
    end = chat_v1(turn)
    reason = end.pop("finish_reason")
    yield {"is_finished": True, "event_type": "stream-end", "response": end, "finish_reason": reason}
