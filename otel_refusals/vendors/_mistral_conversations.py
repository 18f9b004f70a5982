"""The Mistral conversations wire.

It has no stop reason: a response ends by being there, a stream by its last event.
"""

from __future__ import annotations

from typing import Any, ClassVar

from otel_refusals.outcome import Completed, Outcome, ToolCall
from otel_refusals.reader import NOTHING, field, items, text
from otel_refusals.vendors._mistral_chat import is_content
from otel_refusals.vendors._mistral_errors import error_outcome, is_error_body, undecoded

RESPONSE = "conversation.response"
DONE = "conversation.response.done"
FAILED = "conversation.response.error"

EVENTS: dict[str, bool] = {
    "conversation.response.started": False,
    DONE: False,
    FAILED: False,
    "message.output.delta": True,
    "function.call.delta": True,
    "tool.execution.started": True,
    "tool.execution.delta": True,
    "tool.execution.done": True,
    "agent.handoff.started": False,
    "agent.handoff.done": False,
}
"""The events of a streamed conversation, and whether one of them is something that the model produced."""


class ConversationsReader:
    """Reads a `ConversationResponse`, the events of a streamed one, and the errors of those endpoints."""

    __slots__ = ("_asked", "_content", "_outcome", "decided", "response_id", "response_model", "skip")

    finish_reasons: tuple[str, ...] = ()

    guarded: ClassVar[bool | None] = None
    """Whether the request asked for guardrails; None where that is not known."""

    def __init__(self) -> None:
        self.skip: frozenset[str] = NOTHING
        self.decided = False
        self.response_id: str | None = None
        self.response_model: str | None = None
        self._asked = self._content = False
        self._outcome: Outcome | None = None

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is a conversation's response, an event of one, or an event as the SDK wraps it."""
        kind = text(wire, "type") or text(wire, "data", "type")
        return text(wire, "object") == RESPONSE or kind in EVENTS

    def glance(self, event: Any, /) -> bool:
        try:
            return self._content and event.data.type == "message.output.delta"
        except Exception:  # of another shape than the SDK's event: read it properly
            return False

    def feed(self, wire: object, /) -> None:
        wire = undecoded(wire)
        event = field(wire, "data") or wire
        kind = text(event, "type") or ""
        if isinstance(wire, BaseException) or is_error_body(wire) or kind == FAILED:
            self._end(error_outcome(event, guarded=self.guarded, content=self._content))
        elif text(wire, "object") == RESPONSE:
            entries = items(wire, "outputs")
            self._asked = any(text(entry, "type") == "function.call" for entry in entries)
            self.response_model = next(filter(None, (text(entry, "model") for entry in entries)), None)
            self._end(ToolCall(RESPONSE) if self._asked else Completed(RESPONSE))
        elif kind == DONE:
            self._end(ToolCall(DONE) if self._asked else Completed(DONE))
        elif EVENTS.get(kind):
            self._asked = self._asked or kind == "function.call.delta"
            self._content = self._content or kind != "message.output.delta" or is_content(field(event, "content"))
            self.response_model = text(event, "model") or self.response_model

    def _end(self, outcome: Outcome) -> None:
        self._outcome, self.decided = outcome, True

    def outcome(self) -> Outcome | None:
        return self._outcome
