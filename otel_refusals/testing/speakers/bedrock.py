"""The wires of Bedrock's Converse and ApplyGuardrail.

Shapes as in the service model of botocore 1.44. With a category it is the customer's guardrail that intervenes, and its
trace tells which policy and which side; without one the model's own filter ends the answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from otel_refusals.testing.speakers.turn import Turn

BLOCKED = "This was blocked by a guardrail."

_STOP_REASONS = {"completed": "end_turn", "tool_call": "tool_use", "truncated": "max_tokens"}
_FILTERS = {
    "hate": "HATE",
    "harassment": "INSULTS",
    "sexual": "SEXUAL",
    "violence": "VIOLENCE",
    "dangerous": "MISCONDUCT",
    "jailbreak": "PROMPT_ATTACK",
}


def category(turn: Turn) -> str | None:
    """The filter of the customer's guardrail that declines; None where the guardrail does not."""
    return turn.category("VIOLENCE", _FILTERS) if turn.scenario.outcome == "refused" else None


def _stop_reason(turn: Turn) -> str:
    if turn.scenario.outcome == "refused":
        return "guardrail_intervened" if category(turn) else "content_filtered"
    return _STOP_REASONS.get(turn.scenario.outcome, turn.scenario.stop_reason)


def assessment(named: str) -> dict[str, Any]:
    """What a guardrail says of the filter `named` that blocked."""
    blocked = {"type": named, "confidence": "HIGH", "filterStrength": "HIGH", "action": "BLOCKED", "detected": True}
    return {"contentPolicy": {"filters": [blocked]}}


def _after(turn: Turn) -> dict[str, Any]:
    """Usage, metrics and trace, which come last. A prompt that a guardrail blocks costs no model tokens."""
    named = category(turn)
    into = 0 if named and not turn.scenario.speaks else turn.input_tokens
    usage = {"inputTokens": into, "outputTokens": turn.output_tokens, "totalTokens": into + turn.output_tokens}
    after: dict[str, Any] = {"usage": usage, "metrics": {"latencyMs": 12}}
    if named and turn.scenario.speaks:
        after["trace"] = {"guardrail": {"outputAssessments": {"stub": [assessment(named)]}}}
    elif named:
        after["trace"] = {"guardrail": {"inputAssessment": {"stub": assessment(named)}}}
    return after


def converse(turn: Turn) -> dict[str, Any]:
    """The whole answer of Converse."""
    content: list[dict[str, Any]] = []
    if turn.thinking:
        thought = {"text": "".join(turn.thinking), "signature": "c3R1Yg=="}
        content.append({"reasoningContent": {"reasoningText": thought}})
    if turn.text:
        content.append({"text": "".join(turn.text)})
    if turn.calls_tool:
        arguments = json.loads("".join(turn.arguments)) if turn.scenario.outcome == "tool_call" else {}
        content.append({"toolUse": {"toolUseId": f"tooluse_{turn.id}", "name": turn.tool, "input": arguments}})
    if category(turn):
        content.append({"text": BLOCKED})
    message = {"role": "assistant", "content": content}
    return {"output": {"message": message}, "stopReason": _stop_reason(turn), **_after(turn)}


def converse_events(turn: Turn) -> Iterator[dict[str, Any]]:
    """The stream of the same; usage and trace come after the stop reason."""
    yield {"messageStart": {"role": "assistant"}}
    blocks: list[tuple[dict[str, Any] | None, list[dict[str, Any]]]] = []
    if turn.thinking:
        blocks.append((None, [{"reasoningContent": {"text": piece}} for piece in turn.thinking]))
    if turn.text:
        blocks.append((None, [{"text": piece} for piece in turn.text]))
    if turn.calls_tool:
        start = {"toolUse": {"toolUseId": f"tooluse_{turn.id}", "name": turn.tool}}
        blocks.append((start, [{"toolUse": {"input": piece}} for piece in turn.arguments]))
    if category(turn):
        blocks.append((None, [{"text": BLOCKED}]))
    for index, (started, deltas) in enumerate(blocks):
        if started:
            yield {"contentBlockStart": {"contentBlockIndex": index, "start": started}}
        for delta in deltas:
            yield {"contentBlockDelta": {"contentBlockIndex": index, "delta": delta}}
        yield {"contentBlockStop": {"contentBlockIndex": index}}
    yield {"messageStop": {"stopReason": _stop_reason(turn)}}
    yield {"metadata": _after(turn)}


def guardrail(turn: Turn) -> dict[str, Any]:
    """The answer of ApplyGuardrail: a guardrail either intervenes or does not."""
    units = ("topicPolicyUnits", "contentPolicyUnits", "wordPolicyUnits", "sensitiveInformationPolicyUnits")
    answer: dict[str, Any] = {
        "usage": {
            **dict.fromkeys(units, 0),
            "contextualGroundingPolicyUnits": 0,
            "sensitiveInformationPolicyFreeUnits": 0,
        },
        "action": "NONE",
        "outputs": [],
        "assessments": [{}],
    }
    if turn.scenario.outcome != "refused":
        return answer
    assessments = [assessment(category(turn) or "VIOLENCE")]
    return answer | {"action": "GUARDRAIL_INTERVENED", "outputs": [{"text": BLOCKED}], "assessments": assessments}
