"""The answers that the benchmark's transport gives: true wire bodies, one server-sent event per chunk."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from sdks import httpx

MODEL = "claude-fable-5"
TEXT = "Sure, here is "
USAGE = {"input_tokens": 25, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 12}


def answer(request: Any, events: int) -> Any:
    """What the vendor answers: a whole body, or a stream of about `events` text deltas if the request asks for one."""
    path = request.url.path
    if b'"stream":true' not in request.content.replace(b" ", b""):
        bodies = {"/v1/messages": _message, "/v1/responses": _response}
        return httpx.Response(200, json=bodies.get(path, _completion)())
    sources = {"/v1/messages": _message_events, "/v1/responses": _response_events}
    chunks = sources.get(path, _completion_chunks)(events)
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=chunks)


async def async_answer(_: Any, events: int) -> Any:
    """A stream of the Messages API for an asynchronous client."""

    async def chunks() -> AsyncIterator[bytes]:
        for chunk in _message_events(events):
            yield chunk

    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=chunks())


def _event(data: dict[str, Any]) -> bytes:
    name = f"event: {data['type']}\n" if "type" in data else ""
    return f"{name}data: {json.dumps(data)}\n\n".encode()


def _message(content: str = TEXT, stop_reason: str | None = "end_turn") -> dict[str, Any]:
    return {
        "id": "msg_01A",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": content}] if stop_reason else [],
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": USAGE,
    }


def _message_events(events: int) -> Iterator[bytes]:
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": TEXT}}
    yield _event({"type": "message_start", "message": _message(stop_reason=None)})
    yield _event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
    yield from _repeat(_event(delta), events)
    yield _event({"type": "content_block_stop", "index": 0})
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    yield _event({"type": "message_delta", "delta": end, "usage": {"output_tokens": events}})
    yield _event({"type": "message_stop"})


def _completion() -> dict[str, Any]:
    message = {"role": "assistant", "content": TEXT, "refusal": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gpt-5",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 25, "completion_tokens": 12, "total_tokens": 37},
    }


def _completion_chunk(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "gpt-5"}
    return _event({**head, "choices": [choice]})


def _completion_chunks(events: int) -> Iterator[bytes]:
    yield _completion_chunk({"role": "assistant", "content": "", "refusal": None})
    yield from _repeat(_completion_chunk({"content": TEXT}), events)
    yield _completion_chunk({}, "stop")
    yield b"data: [DONE]\n\n"


def _response(status: str = "completed") -> dict[str, Any]:
    part = {"type": "output_text", "text": TEXT, "annotations": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    base = {"id": "resp_1", "object": "response", "created_at": 1_700_000_000, "model": "gpt-5", "status": status}
    answer = {**base, "tools": [], "tool_choice": "auto", "parallel_tool_calls": True}
    return {**answer, "output": [item] if status == "completed" else []}


def _response_events(events: int) -> Iterator[bytes]:
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    delta = {**place, "type": "response.output_text.delta", "sequence_number": 1, "delta": TEXT, "logprobs": []}
    yield _event({"type": "response.created", "sequence_number": 0, "response": _response("in_progress")})
    yield from _repeat(_event(delta), events)
    yield _event({"type": "response.completed", "sequence_number": 2, "response": _response()})


def _repeat(chunk: bytes, times: int) -> Iterator[bytes]:
    return (chunk for _ in range(times))
