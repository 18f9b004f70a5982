"""The Gemini wire: one turn as JSON, and as server-sent events, token by token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from otel_refusals.demo.script import Turn, tokens


def content(turn: Turn, number: int, model: str, prompt: str) -> dict[str, Any]:
    """The whole answer by which the vendor answers a call that does not stream."""
    if turn.ending == "blocked":
        answer: dict[str, Any] = {"promptFeedback": {"blockReason": "BLOCKLIST"}}
    else:
        answer = {"candidates": [_candidate(turn, turn.text, last=True)]}
    return {**answer, **_envelope(turn, number, model, prompt)}


def content_events(turn: Turn, number: int, model: str, prompt: str) -> Iterator[bytes]:
    """The stream of the same."""
    if turn.ending != "blocked":
        for piece in tokens(turn.text):
            yield _data({"candidates": [_candidate(turn, piece, last=False)], "modelVersion": model})
        turn_end = _candidate(turn, "", last=True)
        yield _data({"candidates": [turn_end], **_envelope(turn, number, model, prompt)})
    else:
        yield _data(content(turn, number, model, prompt))


def _candidate(turn: Turn, text: str, *, last: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": [{"text": text}] if text else []}}
    if last:
        filtered = turn.ending == "filtered"
        candidate["finishReason"] = "SAFETY" if filtered else "STOP"
        if filtered:
            blocked = {"category": f"HARM_CATEGORY_{turn.category}", "probability": "HIGH", "blocked": True}
            candidate["safetyRatings"] = [blocked]
    return candidate


def _envelope(turn: Turn, number: int, model: str, prompt: str) -> dict[str, Any]:
    given, made = len(tokens(prompt)), len(tokens(turn.text))
    usage = {"promptTokenCount": given, "candidatesTokenCount": made, "totalTokenCount": given + made}
    return {"usageMetadata": usage, "modelVersion": model, "responseId": f"gemini_demo_{number:03}"}


def _data(body: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(body)}\n\n".encode()
