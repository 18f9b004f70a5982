"""The wire of `generateContent`, as the Gemini API and Vertex AI speak it.

Shapes as in `google.genai.types.GenerateContentResponse` of google-genai 3.4. A prompt that is declined has no
candidates; a category is named by the safety rating that blocked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from otel_refusals.testing.speakers.turn import Turn

_FINISH_REASONS = {"completed": "STOP", "tool_call": "STOP", "truncated": "MAX_TOKENS", "refused": "SAFETY"}
_HARMS = {
    "hate": "HARM_CATEGORY_HATE_SPEECH",
    "harassment": "HARM_CATEGORY_HARASSMENT",
    "sexual": "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "dangerous": "HARM_CATEGORY_DANGEROUS_CONTENT",
    "jailbreak": "HARM_CATEGORY_JAILBREAK",
}
_REASONS = {
    "prohibited_content": ("PROHIBITED_CONTENT", "PROHIBITED_CONTENT"),
    "blocklist": ("BLOCKLIST", "BLOCKLIST"),
    "image": ("IMAGE_SAFETY", "IMAGE_SAFETY"),
    "privacy": ("SAFETY", "SPII"),
    "copyright": ("SAFETY", "RECITATION"),
    "language": ("SAFETY", "LANGUAGE"),
    "guardrail": ("MODEL_ARMOR", "MODEL_ARMOR"),
}
"""Categories that are told by the reason itself: of a prompt, of a candidate."""


def content(turn: Turn) -> dict[str, Any]:
    """The whole answer."""
    if not turn.scenario.speaks:
        return _blocked(turn)
    parts = list(_parts(turn, whole=True))
    return _answer(turn, turn.output_tokens, {"content": {"role": "model", "parts": parts}, **_end(turn)})


def content_chunks(turn: Turn) -> Iterator[dict[str, Any]]:
    """The stream of the same; the chunk that blocks has no content."""
    if not turn.scenario.speaks:
        yield _blocked(turn)
        return
    counted = 0
    for counted, part in enumerate(_parts(turn, whole=False), 1):
        yield _answer(turn, counted, {"content": {"role": "model", "parts": [part]}})
    yield _answer(turn, max(counted, turn.output_tokens), _end(turn))


def _blocked(turn: Turn) -> dict[str, Any]:
    reason, ratings = _reason(turn, of_prompt=True)
    return {
        "promptFeedback": {"blockReason": reason, **ratings},
        "usageMetadata": {"promptTokenCount": turn.input_tokens, "totalTokenCount": turn.input_tokens},
        "modelVersion": turn.model,
        "responseId": turn.id,
    }


def _end(turn: Turn) -> dict[str, Any]:
    if turn.scenario.outcome != "refused":
        return {"finishReason": _FINISH_REASONS.get(turn.scenario.outcome, turn.scenario.stop_reason.upper())}
    reason, ratings = _reason(turn, of_prompt=False)
    return {"finishReason": reason, **ratings}


def _reason(turn: Turn, *, of_prompt: bool) -> tuple[str, dict[str, Any]]:
    category = turn.category("dangerous")
    if category in _REASONS:
        return _REASONS[category][0 if of_prompt else 1], {}
    if category is None:
        return "SAFETY", {}
    blocked = _HARMS.get(category, category)
    ratings: list[dict[str, Any]] = [
        {"category": harm, "probability": "NEGLIGIBLE"} for harm in list(_HARMS.values())[:4] if harm != blocked
    ]
    return "SAFETY", {"safetyRatings": [*ratings, {"category": blocked, "probability": "HIGH", "blocked": True}]}


def _parts(turn: Turn, *, whole: bool) -> Iterator[dict[str, Any]]:
    for pieces, marked in ((turn.thinking, {"thought": True}), (turn.text, {})):
        for piece in ["".join(pieces)] if whole and pieces else pieces:
            yield {"text": piece, **marked}
    if turn.calls_tool:  # a function call comes in one part
        cut = turn.scenario.outcome != "tool_call"
        yield {"functionCall": {"name": turn.tool, "args": {} if cut else json.loads("".join(turn.arguments))}}


def _answer(turn: Turn, counted: int, candidate: dict[str, Any]) -> dict[str, Any]:
    kind = "thoughtsTokenCount" if turn.thinking else "candidatesTokenCount"
    return {
        "candidates": [{"index": 0, **candidate}],
        "usageMetadata": {
            "promptTokenCount": turn.input_tokens,
            kind: counted,
            "totalTokenCount": turn.input_tokens + counted,
        },
        "modelVersion": turn.model,
        "responseId": turn.id,
    }
