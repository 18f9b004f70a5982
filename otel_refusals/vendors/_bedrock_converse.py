"""The Converse wire of Amazon Bedrock, whole and streamed; the bodies of Amazon Nova are the same.

Stop reasons as in the service model of `bedrock-runtime` (botocore 1.44). The enum is open in practice: Claude's own
values come through, `refusal` among them.
"""

from __future__ import annotations

from typing import Any

from otel_refusals.outcome import (
    MISSING,
    Completed,
    Ending,
    Errored,
    Outcome,
    Refusal,
    Refused,
    Stage,
    Unknown,
)
from otel_refusals.reader import NOTHING, field, items, never, number, text
from otel_refusals.vendors import _anthropic_messages as claude
from otel_refusals.vendors._bedrock_errors import error_outcome, is_error
from otel_refusals.vendors._bedrock_guardrail import Assessments

STOP_REASONS = claude.STOP_REASONS
"""Bedrock's normal ends, and those of Claude that it passes through."""

FAILED = frozenset({"malformed_model_output", "malformed_tool_use"})

GUARDRAIL = "guardrail_intervened"
FILTERED = "content_filtered"
REFUSALS = frozenset({GUARDRAIL, FILTERED, "refusal"})

_AFTER_CONTENT = frozenset({"contentBlockStart", "contentBlockDelta", "contentBlockStop"})


class ConverseReader:
    """Reads a `ConverseResponse`, the events of a streamed one, and the errors of both.

    The trace and the usage of a stream follow its stop reason, so a guardrail's intervention is decided with them:
    before, it stands for a refusal, which the trace may turn out to be mere masking.
    """

    __slots__ = (
        "_assessments",
        "_category",
        "_content",
        "_error",
        "_explanation",
        "_finished",
        "_stop_reason",
        "_usage",
        "decided",
        "ended",
        "skip",
    )

    glance = staticmethod(never)
    response_id: str | None = None
    response_model: str | None = None

    def __init__(self) -> None:
        self.skip: frozenset[str] = NOTHING
        self.decided = self._content = self._finished = False
        self.ended = False  # whether the last event of a stream was read
        self._stop_reason: str | None = None
        self._category: str | None = None
        self._explanation: str | None = None
        self._usage: dict[str, int] = {}
        self._assessments = Assessments()
        self._error: Outcome | None = None

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is a `ConverseResponse`, an event of a streamed one, or an error of Bedrock's."""
        if isinstance(wire, BaseException):
            return type(wire).__module__.split(".", 1)[0] == "botocore"
        if not isinstance(wire, dict):
            return False
        is_event = any(name in wire for name in _EVENTS if name != "metadata")
        return is_event or is_error(wire) or field(wire, "output", "message") is not None

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        return (self._stop_reason,) if self._stop_reason else ()

    @property
    def output_tokens(self) -> int | None:
        """Tokens that the model generated, as far as usage was read."""
        return self._usage.get("outputTokens")

    @property
    def input_tokens(self) -> int | None:
        """Input as billed: `inputTokens` counts what was neither read from the cache nor written to it."""
        if "inputTokens" not in self._usage:
            return None
        return sum(tokens for name, tokens in self._usage.items() if name != "outputTokens")

    def feed(self, wire: object, /) -> None:
        if is_error(wire):
            if self._stop_reason is None:  # else how it ended was told before
                self._error, self.decided = error_outcome(wire), True
            return
        if not isinstance(wire, dict):
            return
        if "stopReason" in wire or "output" in wire:
            self._read_whole(wire)
            return
        for name, read in _EVENTS.items():
            if name in wire:
                read(self, wire[name])

    def _read_whole(self, wire: object) -> None:
        self._finished = True
        for block in items(wire, "output", "message", "content"):
            self._read_block(block)
        self._read_stop(wire)
        self._read_metadata(wire)

    def _read_start(self, wire: object) -> None:
        self._read_block(field(wire, "start"))

    def _read_delta(self, wire: object) -> None:
        self._read_block(field(wire, "delta"))

    def _read_block(self, block: object) -> None:
        """A block, the start of one, or a delta: each has one member, of the kind of its content."""
        if isinstance(block, dict) and any(_holds(part) for name, part in block.items() if name != "cachePoint"):
            self._content = True
            self.skip = _AFTER_CONTENT

    def _read_stop(self, wire: object) -> None:
        self._stop_reason = text(wire, "stopReason") or self._stop_reason
        if self._stop_reason == "refusal":  # a member that the caller asked for by its path
            details = field(wire, "additionalModelResponseFields", "stop_details")
            self._category, self._explanation = text(details, "category"), text(details, "explanation")
        self.decided = self._finished or self._stop_reason not in (None, GUARDRAIL)

    def _read_last(self, wire: object) -> None:
        self._read_metadata(wire)
        self.ended = self.decided

    def _read_metadata(self, wire: object) -> None:
        usage = field(wire, "usage")
        for name in ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens", "outputTokens"):
            tokens = number(usage, name)
            if tokens is not None:
                self._usage[name] = tokens
        self._assessments.read_trace(field(wire, "trace", "guardrail"))
        self.decided = self._finished or self._stop_reason is not None

    def outcome(self) -> Outcome | None:
        reason = self._stop_reason
        if reason is None:
            return self._error or (Unknown(MISSING) if self._finished else None)
        if reason in STOP_REASONS:
            return STOP_REASONS[reason](reason)
        if reason in FAILED:
            return Errored(reason)
        if reason not in REFUSALS:
            return Unknown(reason)
        if reason == GUARDRAIL:
            if self._assessments.only_masked:
                return Completed(reason)
            return self._assessments.refused(reason, self.input_tokens, self.output_tokens)
        return self._declined(reason)

    def _declined(self, reason: str) -> Refused:
        raw, stage = self._category, self._stage(reason)
        refusal = Refusal(
            category="unspecified" if raw is None else claude.CATEGORIES.get(raw, "other"),
            raw_categories=(raw or reason,),
            stage=stage,
            source="classifier",
            signal=reason,
            explanation=self._explanation,
        )
        generated = stage == "mid_stream"
        return Refused(
            refusals=(refusal,),
            # Whether a decline before output is billed, Bedrock does not say.
            discarded_input_tokens=self.input_tokens if generated else None,
            discarded_output_tokens=self.output_tokens if generated else 0,
        )

    def _stage(self, reason: str) -> Stage:
        """A filter withholds what was generated, and may put a notice in its place: there the tokens tell."""
        tokens = self.output_tokens
        if reason == FILTERED and tokens is not None:
            return "mid_stream" if tokens else "pre_output"
        return "mid_stream" if self._content else "pre_output"


_EVENTS = {
    "messageStart": lambda *_: None,
    "contentBlockStart": ConverseReader._read_start,
    "contentBlockDelta": ConverseReader._read_delta,
    "contentBlockStop": lambda *_: None,
    "messageStop": ConverseReader._read_stop,
    "metadata": ConverseReader._read_last,
}


_PLAIN = {reason: ending(reason) for reason, ending in STOP_REASONS.items()}


def plain_converse(response: Any) -> Ending | None:
    """What a whole `ConverseResponse` says that ended in a known way."""
    try:
        return None if "Error" in response else _PLAIN.get(response["stopReason"])
    except Exception:  # no whole response
        return None


def _holds(part: object) -> bool:
    """Whether the one member of a block holds anything: an empty text, or a thought without a word, does not."""
    return any(part.values()) if isinstance(part, dict) else bool(part)
