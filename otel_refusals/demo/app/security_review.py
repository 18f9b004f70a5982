"""The nightly security review: one call of a model per file, and a finding for every line that says so."""

from __future__ import annotations

from anthropic import Anthropic
from anthropic.types import MessageParam

from .work import FILES

MODEL = "claude-fable-5"
LIMIT = 2000


def review() -> str:
    """Review every file; what the report of the night says."""
    client = Anthropic()
    findings = 0
    for number, file in enumerate(FILES):
        ask: MessageParam = {"role": "user", "content": f"Review {file} and start every finding with FINDING."}
        answer = _streamed(client, ask) if number % 2 else _whole(client, ask)
        findings += answer.count("FINDING:")
    return f"{len(FILES)} files reviewed, {findings} findings"


def _whole(client: Anthropic, ask: MessageParam) -> str:
    message = client.messages.create(model=MODEL, max_tokens=LIMIT, messages=[ask])
    return "".join(block.text for block in message.content if block.type == "text")


def _streamed(client: Anthropic, ask: MessageParam) -> str:
    with client.messages.stream(model=MODEL, max_tokens=LIMIT, messages=[ask]) as stream:
        return "".join(stream.text_stream)
