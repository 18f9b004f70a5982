"""The wire of OpenAI's decisions. Shapes as in `openai.types.Decision` of openai 3.54.

A question is either answered or refused, by the model and without a category: whatever does not decline is answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_refusals.testing.speakers.turn import Turn


def decision(turn: Turn) -> dict[str, Any]:
    """The whole decision, with an answer to every question that the request names."""
    asked: Any = turn.body.get("questions") or [{"type": "predicate"}]
    into, out = turn.input_tokens, len(asked)
    return {
        "answers": [_answer(turn, question) for question in asked],
        "model": turn.model,
        "usage": {
            "input_tokens": into,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": out,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": into + out,
        },
    }


def _answer(turn: Turn, question: Mapping[str, Any]) -> dict[str, Any]:
    named = {"name": question.get("name")}
    if turn.scenario.outcome == "refused":
        return {"type": "refusal", **named}
    match question:
        case {"type": "choice", "choices": [{"value": value}, *_]}:
            chosen = [{"value": value, "probability": 1.0}]
            return {"type": "choice", **named, "choice": value, "confidence": 1.0, "probabilities": chosen}
        case {"type": "score", "levels": [{"label": label}, *_]}:
            chosen = [{"label": label, "probability": 1.0, "value": 0}]
            return {"type": "score", **named, "score": 0.0, "confidence": 1.0, "probabilities": chosen}
        case _:
            return {"type": "predicate", **named, "probability": 1.0}
