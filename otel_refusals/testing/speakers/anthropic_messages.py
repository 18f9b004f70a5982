"""The Anthropic Messages wire: a turn as a JSON message, and as events, token by token.

Shapes as in `anthropic.types.Message`, `RawMessageStreamEvent` and `anthropic.types.beta.BetaFallbackBlock` of
anthropic 2.12; a refusal before output is not billed, and yet reports one output token.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from otel_refusals.testing.speakers.turn import Turn

FALLBACK_MODEL = "claude-opus-4-8"

_STOP_REASONS = {
    "completed": "end_turn",
    "rescued": "end_turn",
    "refused": "refusal",
    "truncated": "max_tokens",
    "tool_call": "tool_use",
}
_CATEGORIES = {"weapons": "military_weapons"}


def message(turn: Turn) -> dict[str, Any]:
    """The whole message."""
    scenario = turn.scenario
    category = turn.category("cyber", _CATEGORIES)
    details = {"type": "refusal", "category": category, "explanation": "This request was declined by a test."}
    return {
        "id": f"msg_{turn.id}",
        "type": "message",
        "role": "assistant",
        "model": FALLBACK_MODEL if scenario.outcome == "rescued" else turn.model,
        "content": list(_content(turn, category)),
        "stop_reason": _STOP_REASONS.get(scenario.outcome, scenario.stop_reason),
        "stop_sequence": None,
        "stop_details": details if scenario.outcome == "refused" else None,
        "usage": _usage(turn),
    }


def _content(turn: Turn, category: str | None) -> Iterator[dict[str, Any]]:
    if turn.scenario.outcome == "rescued":
        if turn.partial_text:
            yield {"type": "text", "text": "".join(turn.partial_text)}
        trigger = {"type": "refusal", "category": category}
        yield {"type": "fallback", "from": {"model": turn.model}, "to": {"model": FALLBACK_MODEL}, "trigger": trigger}
    if turn.thinking:
        yield {"type": "thinking", "thinking": "".join(turn.thinking), "signature": "c3R1Yg=="}
    if turn.text:
        yield {"type": "text", "text": "".join(turn.text)}
    if turn.calls_tool:
        arguments = json.loads("".join(turn.arguments)) if turn.scenario.outcome == "tool_call" else {}
        yield {"type": "tool_use", "id": f"toolu_{turn.id}", "name": turn.tool, "input": arguments}


def _usage(turn: Turn) -> dict[str, Any]:
    usage: dict[str, Any] = {**_counts(turn.input_tokens, max(1, turn.output_tokens)), "service_tier": "standard"}
    if turn.scenario.outcome == "rescued":
        usage["iterations"] = [
            {"type": "message", "model": turn.model, **_counts(turn.input_tokens, len(turn.partial_text))},
            {"type": "fallback_message", "model": FALLBACK_MODEL, **_counts(turn.input_tokens, turn.output_tokens)},
        ]
    return usage


def _counts(input_tokens: int, output_tokens: int) -> dict[str, int]:
    return {
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }


def message_events(turn: Turn) -> Iterator[dict[str, Any]]:
    """The stream of the same."""
    whole = message(turn)
    usage = whole["usage"]
    placeholder = {name: count for name, count in usage.items() if name != "iterations"} | {"output_tokens": 1}
    start = {**whole, "model": turn.model, "content": [], "stop_reason": None, "stop_details": None}
    yield {"type": "message_start", "message": {**start, "usage": placeholder}}
    yield {"type": "ping"}
    for index, block in enumerate(whole["content"]):
        yield from _block_events(turn, index, block)
    end = {name: whole[name] for name in ("stop_reason", "stop_sequence", "stop_details")}
    yield {"type": "message_delta", "delta": end, "usage": usage}
    yield {"type": "message_stop"}


def _block_events(turn: Turn, index: int, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    started, deltas = dict(block), []
    match block["type"]:
        case "text":
            started["text"] = ""
            pieces = turn.text if block["text"] == "".join(turn.text) else turn.partial_text
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
        case "thinking":
            started.update(thinking="", signature="")
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in turn.thinking]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        case "tool_use":
            started["input"] = {}
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in turn.arguments]
    yield {"type": "content_block_start", "index": index, "content_block": started}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}
