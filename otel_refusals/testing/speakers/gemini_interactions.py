"""The wires of Google's interactions and decisions.

Shapes as in `google.genai.interactions` and `google.genai._gaos.types.decisions` of google-genai 3.4. The code of a
failed interaction is its category as well. A decision is blocked before the model saw it, or answers every question.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from otel_refusals.testing.speakers.turn import NotSpokenError, Turn

_STATUSES = {
    "completed": "completed",
    "refused": "failed",
    "truncated": "incomplete",
    "tool_call": "requires_action",
}
_CODES: dict[str | None, str] = {
    None: "safety",
    "prohibited_content": "prohibited_content",
    "blocklist": "blocklist",
    "privacy": "spii",
    "copyright": "recitation",
    "language": "language",
    "jailbreak": "jailbreak",
    "image": "image_safety",
    "guardrail": "model_armor",
}


def interaction(turn: Turn) -> dict[str, Any]:
    """The whole interaction.

    Raises:
        NotSpokenError: for a category that no code stands for.
    """
    return _interaction(turn, list(_steps(turn)))


def interaction_events(turn: Turn) -> Iterator[dict[str, Any]]:
    """The stream of the same."""
    end = _interaction(turn, None)
    begun = {"id": end["id"], "object": "interaction", "status": "in_progress", "model": end["model"]}
    yield {"event_type": "interaction.created", "interaction": begun, "event_id": f"{turn.id}_first"}
    for index, step in enumerate(_steps(turn)):
        yield {"event_type": "step.start", "index": index, "step": _begun(step)}
        for delta in _deltas(turn, step):
            yield {"event_type": "step.delta", "index": index, "delta": delta}
        yield {"event_type": "step.stop", "index": index}
    yield {"event_type": "interaction.completed", "interaction": end, "event_id": f"{turn.id}_last"}


def _interaction(turn: Turn, steps: list[dict[str, Any]] | None) -> dict[str, Any]:
    out, thought = turn.output_tokens - len(turn.thinking), len(turn.thinking)
    usage = {"total_input_tokens": turn.input_tokens, "total_output_tokens": out, "total_thought_tokens": thought}
    declined = turn.scenario.outcome == "refused"
    errors = [{"code": _code(turn), "message": "This request was declined by a test."}] if declined else []
    return {
        "id": f"int_{turn.id}",
        "object": "interaction",
        "status": _STATUSES.get(turn.scenario.outcome, turn.scenario.stop_reason),
        "model": turn.model or "gemini-3.8-flash",
        "created": "2026-11-23T10:00:00Z",
        "updated": "2026-11-23T10:00:01Z",
        "steps": steps,
        "usage": {**usage, "total_tokens": turn.input_tokens + out + thought},
        **({"errors": errors} if errors else {}),
    }


def _steps(turn: Turn) -> Iterator[dict[str, Any]]:
    if turn.thinking:
        summary = [{"type": "text", "text": "".join(turn.thinking)}]
        yield {"type": "thought", "signature": "c3R1Yg==", "summary": summary}
    if turn.text:
        yield {"type": "model_output", "content": [{"type": "text", "text": "".join(turn.text)}]}
    if turn.calls_tool:
        cut = turn.scenario.outcome != "tool_call"
        arguments = {} if cut else json.loads("".join(turn.arguments))
        yield {"type": "function_call", "id": f"call_{turn.id}", "name": turn.tool, "arguments": arguments}


def _begun(step: dict[str, Any]) -> dict[str, Any]:
    return step if step["type"] == "function_call" else {"type": step["type"]}


def _deltas(turn: Turn, step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if step["type"] == "model_output":
        for piece in turn.text:
            yield {"type": "text", "text": piece}
    elif step["type"] == "thought":
        yield {"type": "thought_summary", "content": step["summary"][0]}


def decision(turn: Turn) -> dict[str, Any]:
    """The whole decision.

    Raises:
        NotSpokenError: for a category that no code stands for.
    """
    into = turn.input_tokens
    usage = {"total_input_tokens": into, "total_output_tokens": 0, "total_tokens": into}
    if turn.scenario.outcome == "refused":
        return {"prompt_feedback": {"block_reason": _code(turn)}, "usage": usage}
    asked: Mapping[str, Any] = turn.body.get("questions") or {}
    return {"answers": {name: _answer(question) for name, question in asked.items()}, "usage": usage}


def _answer(question: Mapping[str, Any]) -> dict[str, Any]:
    match question:
        case {"type": "choice", "criteria": criteria}:
            chosen = next(iter(criteria))
            return {"type": "choice", "choice": chosen, "confidence": 1.0, "probabilities": {chosen: 1.0}}
        case {"type": "score", "criteria": [level, *_]}:
            return {
                "type": "score",
                "score": 0.0,
                "confidence": 1.0,
                "legend": {"0": level},
                "probabilities": {"0": 1.0},
            }
        case _:
            return {"type": "noul", "noul": 1.0, "confidence": 1.0}


def _code(turn: Turn) -> str:
    category = turn.category(None)
    if category not in _CODES:
        known = ", ".join(filter(None, _CODES))
        raise NotSpokenError(f"Google's interactions have no code for category={category!r}; there are {known}")
    return _CODES[category]
