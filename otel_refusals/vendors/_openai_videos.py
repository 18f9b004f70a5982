"""The OpenAI videos wire: a job that is polled until it ends. Source: `openai.types.Video`."""

from __future__ import annotations

from dataclasses import replace

from otel_refusals.outcome import MISSING, Completed, Outcome, Paused, Refused, Unknown
from otel_refusals.reader import NOTHING, field, never, text
from otel_refusals.vendors._openai_errors import error_outcome, is_error_body
from otel_refusals.vendors._openai_responses import PENDING


class VideosReader:
    """Reads a `Video` and the errors of `/videos`. At which stage a job was blocked it does not say."""

    __slots__ = ("_outcome", "_status", "decided", "response_id", "response_model", "skip")

    glance = staticmethod(never)

    def __init__(self) -> None:
        self.skip: frozenset[str] = NOTHING
        self.decided = False
        self.response_id: str | None = None
        self.response_model: str | None = None
        self._outcome: Outcome | None = None
        self._status: str | None = None

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is a video job."""
        return text(wire, "object") == "video"

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        return (self._status,) if self._status else ()

    def feed(self, wire: object, /) -> None:
        if isinstance(wire, BaseException) or is_error_body(wire):
            self._outcome, self.decided = error_outcome(wire, content=False), True
        elif self.reads(wire):
            self.decided = True
            self.response_id, self.response_model = text(wire, "id"), text(wire, "model")
            self._status = text(wire, "status")
            self._outcome = _outcome(self._status, field(wire, "error"))

    def outcome(self) -> Outcome | None:
        return self._outcome


def _outcome(status: str | None, error: object) -> Outcome:
    if status == "failed":
        outcome = error_outcome({"error": error or {"code": "failed"}}, content=False)
        if isinstance(outcome, Refused):
            refusals = tuple(replace(refusal, stage="unknown") for refusal in outcome.refusals)
            return Refused(refusals=refusals)
        return outcome
    if status in PENDING:
        return Paused(status)
    return Completed(status) if status == "completed" else Unknown(status or MISSING)
