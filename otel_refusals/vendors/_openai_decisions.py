"""The OpenAI decisions wire."""

from __future__ import annotations

from otel_refusals.outcome import Completed, Outcome, Refusal, Refused
from otel_refusals.reader import MAX_TRACKED, NOTHING, field, items, never, number, text
from otel_refusals.vendors._openai_errors import error_outcome, is_error_body


class DecisionsReader:
    """Reads a `Decision`: each question may be answered or refused."""

    __slots__ = ("_outcome", "decided", "response_id", "response_model", "skip")

    finish_reasons: tuple[str, ...] = ()

    glance = staticmethod(never)

    def __init__(self) -> None:
        self.skip: frozenset[str] = NOTHING
        self.decided = False
        self.response_id: str | None = None
        self.response_model: str | None = None
        self._outcome: Outcome | None = None

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is a decision."""
        return isinstance(field(wire, "answers"), (list, tuple))

    def feed(self, wire: object, /) -> None:
        self.decided = True
        if isinstance(wire, BaseException) or is_error_body(wire):
            self._outcome = error_outcome(wire, content=False)
            return
        self.response_model = text(wire, "model")
        refused = [answer for answer in items(wire, "answers") if text(answer, "type") == "refusal"]
        if not refused:
            self._outcome = Completed("answers") if self.reads(wire) else None
            return
        refusal = Refusal(category="unspecified", stage="pre_output", source="model", signal="refusal")
        self._outcome = Refused(
            refusals=(refusal,) * min(len(refused), MAX_TRACKED),
            discarded_input_tokens=number(wire, "usage", "input_tokens"),
            discarded_output_tokens=0,
        )

    def outcome(self) -> Outcome | None:
        return self._outcome
