"""The OpenAI wires, chat completions and Responses: one turn as JSON, and as server-sent events, token by token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from otel_refusals.demo.script import Turn, tokens

_CREATED = 1790000000


def completion(turn: Turn, number: int, model: str, prompt: str) -> dict[str, Any]:
    """The whole chat completion by which the vendor answers a call that does not stream."""
    turn = _in_words(turn)
    refused = turn.ending == "refused"
    content, refusal = (None, turn.text) if refused else (turn.text, None)
    message = {"role": "assistant", "content": content, "refusal": refusal}
    finish_reason = "content_filter" if turn.ending == "filtered" else "stop"
    return {
        **_envelope(number, model, "chat.completion"),
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}],
        "usage": _usage(turn, prompt, "prompt_tokens", "completion_tokens"),
    }


def completion_chunks(turn: Turn, number: int, model: str, prompt: str) -> Iterator[bytes]:
    """The stream of the same."""
    turn = _in_words(turn)
    whole = completion(turn, number, model, prompt)
    choice = whole["choices"][0]
    member = "refusal" if turn.ending == "refused" else "content"

    def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        part = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return _data({**_envelope(number, model, "chat.completion.chunk"), "choices": [part]})

    yield chunk({"role": "assistant", "content": None, "refusal": None} | {member: ""})
    for piece in tokens(turn.text):
        yield chunk({member: piece})
    yield chunk({}, choice["finish_reason"])
    if turn.usage:
        yield _data({**_envelope(number, model, "chat.completion.chunk"), "choices": [], "usage": whole["usage"]})
    yield b"data: [DONE]\n\n"


def response(turn: Turn, number: int, model: str, prompt: str) -> dict[str, Any]:
    """The whole response by which the vendor answers a call of the Responses API that does not stream."""
    turn = _in_words(turn)
    filtered = turn.ending == "filtered"
    item = {**_item(number), "status": "incomplete" if filtered else "completed", "content": [_part(turn, turn.text)]}
    return {
        "id": f"resp_demo_{number:03}",
        "object": "response",
        "created_at": _CREATED,
        "status": "incomplete" if filtered else "completed",
        "error": None,
        "incomplete_details": {"reason": "content_filter"} if filtered else None,
        "instructions": None,
        "model": model,
        "output": [item],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": _usage(turn, prompt, "input_tokens", "output_tokens"),
        "metadata": {},
    }


def response_events(turn: Turn, number: int, model: str, prompt: str) -> Iterator[bytes]:
    """The stream of the same."""
    turn = _in_words(turn)
    whole = response(turn, number, model, prompt)
    started = {**whole, "status": "in_progress", "incomplete_details": None, "output": [], "usage": None}
    item = {**_item(number), "status": "in_progress", "content": []}
    where = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    said, member = ("refusal", "refusal") if turn.ending == "refused" else ("output_text", "text")
    text = [{"type": f"response.{said}.delta", **where, "delta": piece, "logprobs": []} for piece in tokens(turn.text)]
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": started},
        {"type": "response.in_progress", "response": started},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **where, "part": _part(turn, "")},
        *text,
        {"type": f"response.{said}.done", **where, member: turn.text, "logprobs": []},
        {"type": "response.content_part.done", **where, "part": _part(turn, turn.text)},
        {"type": "response.output_item.done", "output_index": 0, "item": whole["output"][0]},
        {"type": f"response.{whole['status']}", "response": whole},
    ]
    for sequence_number, event in enumerate(events):
        yield f"event: {event['type']}\n".encode() + _data({**event, "sequence_number": sequence_number})


def blocked_by_azure(category: str | None) -> dict[str, Any]:
    """The body of Azure's 400 for a prompt that its content filter stopped."""
    result = {category or "jailbreak": {"filtered": True, "detected": True}}
    return {
        "error": {
            "message": "The prompt was stopped by the content filter.",
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": result},
        }
    }


def broken() -> dict[str, Any]:
    """The body of a true error."""
    return {"error": {"message": "The server had an error", "type": "server_error", "param": None, "code": None}}


def _in_words(turn: Turn) -> Turn:
    """The turn, with words where the model declines without any: on this wire the words are the refusal."""
    return (
        replace(turn, text="I'm sorry, I can't help with that.") if turn.ending == "refused" and not turn.text else turn
    )


def _envelope(number: int, model: str, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-demo-{number:03}", "object": kind, "created": _CREATED, "model": model}


def _usage(turn: Turn, prompt: str, asked: str, answered: str) -> dict[str, Any]:
    into, out = len(tokens(prompt)), len(tokens(turn.text))
    usage: dict[str, Any] = {asked: into, answered: out, "total_tokens": into + out}
    if answered == "output_tokens":  # the Responses wire always tells the parts
        usage["input_tokens_details"] = {"cached_tokens": 0}
        usage["output_tokens_details"] = {"reasoning_tokens": 0}
    return usage


def _item(number: int) -> dict[str, Any]:
    return {"type": "message", "id": f"item_demo_{number:03}", "role": "assistant"}


def _part(turn: Turn, text: str) -> dict[str, Any]:
    if turn.ending == "refused":
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _data(data: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()
