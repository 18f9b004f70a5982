"""A small application that summarises documents with Claude, written twice.

`silent` looks right, and reports a refused document as one without findings. `careful` tells what happened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import anthropic

MODEL = "claude-opus-5"


@dataclass
class Summary:
    """What the application stores about a document.

    Args:
        status: `done`; `declined`: the model would not; `unclear`: it ended in a way that this code does not know.
        findings: What the model found. An empty list of a document that is `done` means that there is nothing to find.
    """

    status: Literal["done", "declined", "unclear"]
    findings: list[str] = field(default_factory=list)


Summarise = Callable[[anthropic.Anthropic, str], Summary]


def silent(client: anthropic.Anthropic, document: str) -> Summary:
    """The bug: no exception, HTTP 200, and whatever text there is taken for the answer."""
    with client.messages.stream(
        model=MODEL, max_tokens=1024, messages=[{"role": "user", "content": document}]
    ) as stream:
        text = "".join(stream.text_stream)
    return Summary("done", text.splitlines())


def careful(client: anthropic.Anthropic, document: str) -> Summary:
    """The fix: how the message ended is looked at before what it says, and a new ending is not a good one."""
    with client.messages.stream(
        model=MODEL, max_tokens=1024, messages=[{"role": "user", "content": document}]
    ) as stream:
        message = stream.get_final_message()
    match message.stop_reason:
        case "end_turn" | "stop_sequence":
            text = "".join(block.text for block in message.content if block.type == "text")
            return Summary("done", text.splitlines())
        case "refusal":
            return Summary("declined")
        case _:
            return Summary("unclear")
