"""The Bedrock Converse wire: one turn as JSON, with the customer's guardrail where it cuts in."""

from __future__ import annotations

from typing import Any

from otel_refusals.demo.script import Turn, tokens

_CONFIGURED = "This is nothing that our assistant talks about."


def converse(turn: Turn, _: int, __: str, prompt: str) -> dict[str, Any]:
    """The answer to a call that does not stream."""
    blocked = turn.ending == "blocked"
    text = _CONFIGURED if blocked else turn.text
    given, made = len(tokens(prompt)), 0 if blocked else len(tokens(turn.text))
    answer: dict[str, Any] = {
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
        "stopReason": "guardrail_intervened" if blocked else "end_turn",
        "usage": {"inputTokens": given, "outputTokens": made, "totalTokens": given + made},
        "metrics": {"latencyMs": 80},
    }
    if blocked:
        found = {"type": turn.category, "confidence": "HIGH", "filterStrength": "HIGH", "action": "BLOCKED"}
        assessment = {"demo-guardrail": {"contentPolicy": {"filters": [found]}}}
        answer["trace"] = {"guardrail": {"inputAssessment": assessment}}
    return answer
