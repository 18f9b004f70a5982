"""The wire of chat completions and of legacy completions, as OpenAI, Azure OpenAI and Mistral speak it.

Shapes as in `openai.types.chat.ChatCompletion` and `ChatCompletionChunk` of openai 3.54. Only Azure names a category,
in `content_filter_results`; Mistral's finish reasons are an open string.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otel_refusals.testing.speakers.turn import Turn

CREATED = 1790000000
_DECLINED = "I'm sorry, I can't assist with that."

_FINISH_REASONS = {
    "completed": "stop",
    "refused": "content_filter",
    "truncated": "length",
    "tool_call": "tool_calls",
}


def finish_reason(turn: Turn) -> str:
    """How the choice ends; a model that declines in its own words ends like one that answers."""
    if turn.scenario.source == "model":
        return "stop"
    return _FINISH_REASONS.get(turn.scenario.outcome, turn.scenario.stop_reason)


def declined(turn: Turn) -> str:
    """The words in which the model declines."""
    return turn.scenario.text or _DECLINED


def azure_results(turn: Turn) -> dict[str, Any] | None:
    """Azure's `content_filter_results`, where a category is to be named."""
    category = turn.category(None)
    if turn.scenario.outcome != "refused" or category is None or turn.scenario.source == "model":
        return None
    safe = {"filtered": False, "severity": "safe"}
    return {**dict.fromkeys(("hate", "self_harm", "sexual", "violence"), safe), category: _FILTERED}


_FILTERED = {"filtered": True, "severity": "high"}


def completion(turn: Turn) -> dict[str, Any]:
    """The whole chat completion."""
    message: dict[str, Any] = {"role": "assistant", "content": "".join(turn.text) or None, "refusal": None}
    if turn.scenario.source == "model":
        message["refusal"] = declined(turn)
    if turn.calls_tool:
        message["tool_calls"] = [_call(turn, "".join(turn.arguments))]
    return _envelope(turn, "chat.completion") | {
        "choices": [_choice(turn, message=message)],
        "usage": usage(turn),
    }


def completion_chunks(turn: Turn) -> Iterator[dict[str, Any]]:
    """The stream of the same."""
    envelope = _envelope(turn, "chat.completion.chunk")

    def chunk(delta: dict[str, Any]) -> dict[str, Any]:
        return envelope | {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]}

    by_model = turn.scenario.source == "model"
    yield chunk({"role": "assistant", "content": None if by_model else "", "refusal": "" if by_model else None})
    for piece in turn.text:
        yield chunk({"content": piece})
    if by_model:
        yield chunk({"refusal": declined(turn)})
    if turn.calls_tool:
        yield chunk({"tool_calls": [{"index": 0, **_call(turn, "")}]})
        for piece in turn.arguments:
            yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
    yield envelope | {"choices": [_choice(turn, delta={})]}
    if (turn.body.get("stream_options") or {}).get("include_usage"):
        yield envelope | {"choices": [], "usage": usage(turn)}


def legacy(turn: Turn) -> dict[str, Any]:
    """The whole completion of `/completions`."""
    choice = {**_choice(turn, text="".join(turn.text)), "finish_reason": _legacy_reason(turn)}
    return _envelope(turn, "text_completion") | {"choices": [choice], "usage": _counts(turn, turn.output_tokens)}


def legacy_chunks(turn: Turn) -> Iterator[dict[str, Any]]:
    """The stream of the same."""
    envelope = _envelope(turn, "text_completion")
    for piece in turn.text:
        yield envelope | {"choices": [{"index": 0, "text": piece, "logprobs": None, "finish_reason": None}]}
    yield envelope | {"choices": [{**_choice(turn, text=""), "finish_reason": _legacy_reason(turn)}]}


def _legacy_reason(turn: Turn) -> str:
    """A model that declines has no field to do it in, and no tool to call."""
    scenario = turn.scenario
    return "stop" if scenario.outcome == "tool_call" else _FINISH_REASONS.get(scenario.outcome, scenario.stop_reason)


def usage(turn: Turn) -> dict[str, int]:
    """Tokens; what thinks is counted and not shown, and a decline in words is billed as such."""
    return _counts(turn, 9 if turn.scenario.source == "model" else turn.output_tokens)


def _counts(turn: Turn, written: int) -> dict[str, int]:
    return {
        "prompt_tokens": turn.input_tokens,
        "completion_tokens": written,
        "total_tokens": turn.input_tokens + written,
    }


def _choice(turn: Turn, **said: Any) -> dict[str, Any]:
    choice = {"index": 0, **said, "logprobs": None, "finish_reason": finish_reason(turn)}
    results = azure_results(turn)
    return choice if results is None else choice | {"content_filter_results": results}


def _call(turn: Turn, arguments: str) -> dict[str, Any]:
    function = {"name": turn.tool, "arguments": arguments}
    return {"id": f"call_{turn.id}", "type": "function", "function": function}


def _envelope(turn: Turn, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{turn.id}", "object": kind, "created": CREATED, "model": turn.model}
