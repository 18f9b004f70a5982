"""The code assistant: tools, and a second model that the vendor falls back to by itself."""

from __future__ import annotations

from anthropic import Anthropic
from anthropic.types.beta import BetaMessage, BetaMessageParam, BetaToolParam

from .work import TASKS

MODEL = "claude-fable-5"
FALLBACK_MODEL = "claude-opus-4-8"
LIMIT = 2000

RUN: BetaToolParam = {
    "name": "run",
    "description": "Runs a command in the repository.",
    "input_schema": {"type": "object", "properties": {"command": {"type": "string"}}},
}


def work_off() -> str:
    """Do every task; what the assistant reports."""
    client = Anthropic()
    for task in TASKS:
        _do(client, task)
    return f"{len(TASKS)} tasks done"


def _do(client: Anthropic, task: str) -> BetaMessage:
    ask: BetaMessageParam = {"role": "user", "content": f"Your task: {task}."}
    with client.beta.messages.stream(
        model=MODEL,
        max_tokens=LIMIT,
        messages=[ask],
        tools=[RUN],
        fallbacks=[{"model": FALLBACK_MODEL}],
        betas=["server-side-fallback-2026-07-01"],
    ) as stream:
        return stream.get_final_message()
