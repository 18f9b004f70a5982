"""The output items of an OpenAI response: what the model produced, asked for, and declined."""

from __future__ import annotations

from collections.abc import Sequence

from otel_refusals.outcome import Refusal
from otel_refusals.reader import MAX_TRACKED, field, items, text
from otel_refusals.vendors._openai_errors import refusal_in

APPLICATION_TOOLS = frozenset(
    {
        "function_call",
        "custom_tool_call",
        "computer_call",
        "local_shell_call",
        "shell_call",
        "apply_patch_call",
        "mcp_approval_request",
    }
)
"""Output items by which the model asks the application for something; the other calls the vendor runs itself."""

IMAGE_CALL = "image_generation_call"


class Output:
    """What the items of a response tell.

    Args:
        found: The items.
        after_content: Whether the model had produced content before.
    """

    __slots__ = ("after_content", "asked", "content", "refusals")

    def __init__(self, found: Sequence[object], after_content: bool) -> None:
        self.after_content = self.content = after_content
        self.asked = False
        self.refusals: tuple[Refusal, ...] = ()
        for item in found:
            if len(self.refusals) < MAX_TRACKED:
                self.refusals += tuple(refusals_of(item, self.content))
            self.content = self.content or is_content(item)
            self.asked = self.asked or text(item, "type") in APPLICATION_TOOLS


def is_content(item: object) -> bool:
    """Whether an output item holds something that the model produced; refusal text and empty items are not."""
    kind = text(item, "type")
    if kind == "message":
        return any(field(part, "text") for part in items(item, "content"))
    if kind == "reasoning":
        return any(field(item, name) for name in ("summary", "content", "encrypted_content"))
    return kind is not None


def refusals_of(item: object, content: bool) -> list[Refusal]:
    kind = text(item, "type")
    if kind == IMAGE_CALL:
        blocked = refusal_in(field(item, "error"), content=content)
        return [] if blocked is None else [blocked]
    if kind != "message":
        return []
    found = []
    for part in items(item, "content")[:MAX_TRACKED]:
        if text(part, "type") == "refusal":
            found.append(spoken_refusal(text(part, "refusal"), content))
        content = content or bool(field(part, "text"))
    return found[:1]  # one decline however many parts it is told in


def spoken_refusal(prose: str | None, content: bool) -> Refusal:
    return Refusal(
        category="unspecified",
        stage="mid_stream" if content else "pre_output",
        source="model",
        signal="refusal",
        explanation=prose,
    )
