"""The events of Anthropic's managed agents: a turn ends by its session, or a thread of it, going idle."""

from __future__ import annotations

from otel_refusals.outcome import MISSING, Completed, Errored, Outcome, Refusal, Refused, ToolCall, Truncated, Unknown
from otel_refusals.reader import NOTHING, never, text
from otel_refusals.vendors._anthropic_messages import category_of

_IDLE = frozenset({"session.status_idle", "session.thread_status_idle"})


class SessionEventReader:
    """Reads one event. Of a decline the event tells the category, and neither the stage nor the tokens."""

    __slots__ = ("_reason", "_wire", "decided", "response_id", "skip")

    response_model: str | None = None
    glance = staticmethod(never)

    def __init__(self) -> None:
        self.skip: frozenset[str] = NOTHING
        self.decided = False
        self.response_id: str | None = None
        self._reason: str | None = None
        self._wire: object = None

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is an event of a session."""
        return (text(wire, "type") or "").startswith("session.")

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        return (self._reason,) if self._reason else ()

    def feed(self, wire: object, /) -> None:
        if text(wire, "type") in _IDLE:
            self._wire, self.decided = wire, True
            self._reason = text(wire, "stop_reason", "type")

    def outcome(self) -> Outcome | None:
        if not self.decided:
            return None
        match self._reason:
            case "end_turn":
                return Completed("end_turn")
            case "requires_action":
                return ToolCall("requires_action")
            case "budget_reached":
                return Truncated("budget_reached")
            case "retries_exhausted":
                return Errored("retries_exhausted")
            case "refusal":
                return Refused(refusals=(self._refusal(),))
            case reason:
                return Unknown(reason or MISSING)

    def _refusal(self) -> Refusal:
        raw = text(self._wire, "stop_details", "category")
        return Refusal(
            category=category_of(raw),
            raw_categories=(raw,) if raw else (),
            stage="unknown",
            source="classifier",
            signal="refusal",
            explanation=text(self._wire, "stop_details", "explanation"),
        )
