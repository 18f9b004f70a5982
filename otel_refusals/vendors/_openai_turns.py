"""The turns of OpenAI's hosted agents, and the events that tell of them. Source: `openai.types.beta.agents`."""

from __future__ import annotations

from otel_refusals.outcome import Completed, Errored, Incomplete, Outcome, Truncated, Unknown
from otel_refusals.reader import NOTHING, field, never, number, text
from otel_refusals.vendors._openai_errors import refusal_in, refused_by_error

_EVENT = "agent.session.turn."
TRUNCATED = frozenset({"context_length_exceeded", "max_output_tokens"})
_PENDING = frozenset({"queued", "in_progress", "waiting"})


class TurnReader:
    """Reads an `agent.session.turn`, or an event that holds one."""

    __slots__ = ("_turn", "decided", "response_id", "skip")

    response_model: str | None = None
    glance = staticmethod(never)

    def __init__(self) -> None:
        self.skip: frozenset[str] = NOTHING
        self.decided = False
        self.response_id: str | None = None
        self._turn: object = None

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is a turn, or an event of one."""
        return text(wire, "object") == "agent.session.turn" or (text(wire, "type") or "").startswith(_EVENT)

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        status = text(self._turn, "error", "code") or text(self._turn, "status")
        return (status,) if status else ()

    def feed(self, wire: object, /) -> None:
        turn = field(wire, "turn") or wire
        status = text(turn, "status")
        if text(turn, "object") == "agent.session.turn" and status not in _PENDING:
            self._turn, self.decided = turn, True
            self.response_id = text(turn, "id")

    def outcome(self) -> Outcome | None:
        match text(self._turn, "status"):
            case None:
                return None
            case "completed":
                return Completed("completed")
            case "cancelled":
                return Incomplete()
            case "failed":
                return self._failed()
            case status:
                return Unknown(status)

    def _failed(self) -> Outcome:
        error = field(self._turn, "error")
        code = text(error, "code") or "failed"
        output = number(self._turn, "usage", "output_tokens")
        refusal = refusal_in(error, content=bool(output), failed=True)
        if refusal is not None:
            return refused_by_error(refusal, output, number(self._turn, "usage", "input_tokens"))
        return Truncated(code) if code in TRUNCATED else Errored(code)
