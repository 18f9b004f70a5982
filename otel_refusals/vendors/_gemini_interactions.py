"""The wires of interactions and of decisions. Statuses: `google.genai.interactions.Interaction` 3.6; `idle` as the
SDK's `InteractionStatus` explains it. Error codes: the API's page of error codes.
"""

from __future__ import annotations

from typing import Any

from otel_refusals.outcome import (
    MISSING,
    Completed,
    Errored,
    Incomplete,
    Outcome,
    Paused,
    Refused,
    Stage,
    ToolCall,
    Truncated,
    Unknown,
)
from otel_refusals.reader import MAX_TRACKED, NOTHING, field, items, never, number, text
from otel_refusals.vendors._gemini_errors import error_outcome, is_error
from otel_refusals.vendors._gemini_reasons import DECLINES, refusal

STATUSES: dict[str, type[Completed | ToolCall | Truncated | Paused]] = {
    "completed": Completed,
    "idle": Completed,  # all processing is over, and nothing is asked of the application
    "requires_action": ToolCall,
    "incomplete": Truncated,
    "budget_exceeded": Truncated,
    "requires_continuation": Paused,
    "in_progress": Paused,
    "queued": Paused,
}

_PENDING = frozenset({"in_progress", "queued"})

_NOT_OUTPUT = frozenset({"user_input", "function_result"})
"""Steps that the application made."""


class InteractionsReader:
    """Reads an `Interaction`, the events of a streamed one, and the errors of `/interactions`.

    A decline is a failed interaction with the code of a blocked generation, or an error event with one. An answer
    that is continued by another request has several interactions in its stream: the last one counts.
    """

    __slots__ = ("_content", "_error", "_interaction", "_status", "_whole", "decided", "response_id", "response_model")

    skip: frozenset[str] = NOTHING

    def __init__(self) -> None:
        self.decided = False
        self.response_id: str | None = None
        self.response_model: str | None = None
        self._content = self._whole = False
        self._interaction: object = None
        self._status: str | None = None
        self._error: Refused | Errored | None = None

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is an interaction, an event of a streamed one, or the body of a blocked one's error."""
        if (text(wire, "error", "code") or "").upper() in DECLINES:
            return True
        kind = text(wire, "event_type") or ""
        is_event = kind == "error" or kind.startswith(("interaction.", "step."))
        return is_event or (text(wire, "status") is not None and isinstance(field(wire, "steps"), (list, tuple)))

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        return (self._status,) if self._status else ()

    def glance(self, event: Any, /) -> bool:
        """Whether an event is a delta of content, of which there was some before."""
        return self._content and field(event, "event_type") == "step.delta"

    def feed(self, wire: object, /) -> None:
        kind = text(wire, "event_type") or ""
        if kind == "step.delta":
            self._content = True
        elif kind == "step.start":
            self._content = self._content or _is_output(field(wire, "step"))
        elif isinstance(wire, BaseException) or kind == "error" or field(wire, "error", "message") is not None:
            self._error = error_outcome(_body(wire), content=self._content)
            if isinstance(wire, BaseException) and isinstance(self._error, Errored):
                self._error = Errored(type(wire).__name__)
            self.decided = True
        elif kind.startswith("interaction."):
            self._read(field(wire, "interaction") or wire)
        else:
            self._whole = True
            self._read(wire)

    def _read(self, interaction: object) -> None:
        self.response_id = text(interaction, "id") or text(interaction, "interaction_id") or self.response_id
        self.response_model = text(interaction, "model") or self.response_model
        self._status = text(interaction, "status") or self._status
        if field(interaction, "usage") is not None or items(interaction, "errors") or self._interaction is None:
            self._interaction = interaction
        self._content = self._content or any(_is_output(step) for step in items(interaction, "steps")[:MAX_TRACKED])
        self.decided = self._whole or self._status not in _PENDING

    def outcome(self) -> Outcome | None:
        if self._error is not None:
            return self._error
        if self._status is None:
            return Unknown(MISSING) if self._whole else None
        if self._status in ("failed", "incomplete"):
            declined = self._declined()
            if declined is not None:
                return declined
        return self._not_refused(self._status)

    def _declined(self) -> Refused | None:
        """The decline that a failed interaction names, in its errors or in those of its steps."""
        for error in items(self._interaction, "errors")[:MAX_TRACKED]:
            code = text(error, "code") or ""
            if code.upper() in DECLINES:
                output = _sum(field(self._interaction, "usage"), "total_output_tokens", "total_thought_tokens")
                stage: Stage = "mid_stream" if self._content or output else "pre_output"
                return Refused(
                    refusals=(refusal(code, stage=stage, explanation=text(error, "message")),),
                    discarded_input_tokens=number(self._interaction, "usage", "total_input_tokens"),
                    discarded_output_tokens=0 if stage == "pre_output" else output,
                )
        return None

    def _not_refused(self, status: str) -> Outcome | None:
        if status == "failed":
            codes = (text(error, "code") for error in items(self._interaction, "errors"))
            return Errored(next(filter(None, codes), status))
        if status == "cancelled":
            return Incomplete()
        if status in _PENDING and not self._whole:
            return None
        known = STATUSES.get(status)
        return Unknown(status) if known is None else known(status)


class DecisionsReader:
    """Reads a `CreateDecisionResponse`: answers, or the feedback of an input filter and none."""

    __slots__ = ("_outcome", "decided", "response_id", "response_model")

    skip: frozenset[str] = NOTHING
    finish_reasons: tuple[str, ...] = ()

    glance = staticmethod(never)

    def __init__(self) -> None:
        self.decided = False
        self.response_id: str | None = None
        self.response_model: str | None = None
        self._outcome: Outcome | None = None

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is a decision."""
        if isinstance(field(wire, "answers"), dict):
            return True
        return field(wire, "prompt_feedback") is not None and field(wire, "usage", "total_tokens") is not None

    def feed(self, wire: object, /) -> None:
        if isinstance(wire, BaseException) or is_error(wire):
            self._outcome = error_outcome(_body(wire))
        else:
            reason = text(wire, "prompt_feedback", "block_reason")
            if reason is not None:
                message = text(wire, "prompt_feedback", "block_reason_message")
                self._outcome = Refused(
                    refusals=(refusal(reason, stage="pre_output", explanation=message),),
                    discarded_input_tokens=number(wire, "usage", "total_input_tokens"),
                    discarded_output_tokens=0,
                )
            else:
                self._outcome = Completed("answers") if field(wire, "answers") else None
        self.decided = self._outcome is not None

    def outcome(self) -> Outcome | None:
        return self._outcome


def _is_output(step: object) -> bool:
    """Whether a step holds something that the model, or a tool that it ran, produced."""
    kind = text(step, "type")
    if kind == "model_output":
        return bool(items(step, "content"))
    if kind == "thought":
        return bool(items(step, "summary") or field(step, "signature"))
    return kind is not None and kind not in _NOT_OUTPUT


def _body(wire: object) -> object:
    """The JSON of an error answer, which an exception of this part of the SDK carries as `body`."""
    body = field(wire, "body") if isinstance(wire, BaseException) else None
    return body if isinstance(body, dict) else wire


def _sum(usage: object, *names: str) -> int | None:
    known = [count for count in (number(usage, name) for name in names) if count is not None]
    return sum(known) if known else None
