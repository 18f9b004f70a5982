"""The Anthropic Messages wire: one turn as a JSON message, and a message as server-sent events, token by token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from otel_refusals.demo.script import NOVEL_STOP_REASON, Ending, Turn, tokens

FALLBACK_MODEL = "claude-opus-4-8"

_STOP_REASONS: dict[Ending, str] = {
    "completed": "end_turn",
    "rescued": "end_turn",
    "refused": "refusal",
    "truncated": "max_tokens",
    "tool_call": "tool_use",
    "novel": NOVEL_STOP_REASON,
}


def message(turn: Turn, number: int, model: str, prompt: str) -> dict[str, Any]:
    """The whole message by which the vendor answers a call that does not stream."""
    input_tokens = len(tokens(prompt))
    output_tokens = len(tokens(turn.thinking + turn.text))
    usage: dict[str, Any] = {**_counts(input_tokens, output_tokens), "service_tier": "standard"}
    content = _content(turn, number)
    if turn.ending == "rescued":
        content.insert(0, _fallback(model, turn.category))
        usage["iterations"] = [
            {"type": "message", "model": model, **_counts(input_tokens, 0)},
            {"type": "fallback_message", "model": FALLBACK_MODEL, **_counts(input_tokens, output_tokens)},
        ]
    declined = {"type": "refusal", "category": turn.category, "explanation": _EXPLANATION}
    return {
        "id": f"msg_demo_{number:03}",
        "type": "message",
        "role": "assistant",
        "model": FALLBACK_MODEL if turn.ending == "rescued" else model,
        "content": content,
        "stop_reason": _STOP_REASONS[turn.ending],
        "stop_sequence": None,
        "stop_details": declined if turn.ending == "refused" else None,
        "usage": usage,
    }


_EXPLANATION = "This request was declined by the demo's endpoint."


def _content(turn: Turn, number: int) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = []
    if turn.thinking:
        content.append({"type": "thinking", "thinking": turn.thinking, "signature": "ZGVtbw=="})
    if turn.text:
        content.append({"type": "text", "text": turn.text})
    if turn.ending == "tool_call":
        arguments = {"command": "pytest -x tests/test_importer.py"}
        content.append({"type": "tool_use", "id": f"toolu_demo_{number:03}", "name": "run", "input": arguments})
    return content


def _counts(input_tokens: int, output_tokens: int) -> dict[str, int]:
    return {
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }


def _fallback(declined: str, category: str | None) -> dict[str, Any]:
    return {
        "type": "fallback",
        "from": {"model": declined},
        "to": {"model": FALLBACK_MODEL},
        "trigger": {"type": "refusal", "category": category},
    }


def message_events(turn: Turn, number: int, model: str, prompt: str) -> Iterator[bytes]:
    """The stream of the same."""
    whole = message(turn, number, model, prompt)
    usage = whole["usage"]
    start = {**whole, "content": [], "stop_reason": None, "stop_details": None, "usage": {**usage, "output_tokens": 1}}
    yield _event({"type": "message_start", "message": start})
    yield _event({"type": "ping"})
    for index, block in enumerate(whole["content"]):
        yield from _block_events(index, block)
    end = {name: whole[name] for name in ("stop_reason", "stop_sequence", "stop_details")}
    yield _event({"type": "message_delta", "delta": end, "usage": usage})
    yield _event({"type": "message_stop"})


def _block_events(index: int, block: dict[str, Any]) -> Iterator[bytes]:
    kind = block["type"]
    empty, deltas = dict(block), []
    if kind == "text":
        empty["text"] = ""
        deltas = [{"type": "text_delta", "text": piece} for piece in tokens(block["text"])]
    elif kind == "thinking":
        empty.update(thinking="", signature="")
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in tokens(block["thinking"])]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    elif kind == "tool_use":
        empty["input"] = {}
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in tokens(json.dumps(block["input"]))]
    yield _event({"type": "content_block_start", "index": index, "content_block": empty})
    for delta in deltas:
        yield _event({"type": "content_block_delta", "index": index, "delta": delta})
    yield _event({"type": "content_block_stop", "index": index})


def _event(data: dict[str, Any]) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()
