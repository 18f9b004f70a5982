"""What Mistral's chat says otherwise than OpenAI's: thinking is content, and usage always comes in the last chunk.

Shapes as in `mistralai.client.models.ChatCompletionResponse` and `CompletionChunk` of mistralai 3.7. `content_filter`
is in no list of its finish reasons, which are an open string; Conversations have no stop reason at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otel_refusals.testing.speakers import openai_chat
from otel_refusals.testing.speakers.turn import Turn


def completion(turn: Turn) -> dict[str, Any]:
    """The whole answer of chat, agents and fim."""
    whole = openai_chat.completion(turn)
    (choice,) = whole["choices"]
    choice["message"] = {
        "role": "assistant",
        "content": _thought(turn) or "".join(turn.text),
        "tool_calls": choice["message"].get("tool_calls"),
        "prefix": False,
    }
    return whole | {"choices": [_plain(choice)]}


def completion_chunks(turn: Turn) -> Iterator[dict[str, Any]]:
    """The stream of the same."""
    whole = completion(turn)
    (choice,) = whole["choices"]
    said = choice["message"]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in turn.text)]
    if turn.thinking:
        deltas.append({"content": said["content"]})
    if turn.calls_tool:  # a call comes in one piece
        deltas.append({"content": "", "tool_calls": [{**call, "index": 0} for call in said["tool_calls"]]})
    envelope = {**whole, "object": "chat.completion.chunk"}
    usage = envelope.pop("usage")
    for delta in deltas:
        yield envelope | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    last = {"index": 0, "delta": {"content": ""}, "finish_reason": choice["finish_reason"]}
    yield envelope | {"choices": [last], "usage": usage}


def _thought(turn: Turn) -> list[dict[str, Any]]:
    if not turn.thinking:
        return []
    return [{"type": "thinking", "thinking": [{"type": "text", "text": "".join(turn.thinking)}], "closed": True}]


def _plain(choice: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in choice.items() if name not in ("logprobs", "content_filter_results")}
