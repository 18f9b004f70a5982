"""The Cohere chat wires, v1 and v2, and v1 generate; whole and streamed.

They share their finish reasons, upper-case words in an open field. `safety_mode` changes only the prompt: what it makes
the model decline is prose, which no machine can tell. Usage is counted in tokens, and billed in units of its own; the
SDK gives both as floats.
"""

from __future__ import annotations

from typing import Any

from otel_refusals.outcome import (
    MISSING,
    Completed,
    Ending,
    Errored,
    Incomplete,
    Outcome,
    Refusal,
    Refused,
    ToolCall,
    Truncated,
    Unknown,
)
from otel_refusals.reader import MAX_NUMBER, MAX_TRACKED, NOTHING, field, items, members, text

TOXIC = "ERROR_TOXIC"
"""The reply was deemed toxic, and is withheld or cut."""

FINISH_REASONS: dict[str, type[Completed | Truncated | ToolCall | Errored]] = {
    "COMPLETE": Completed,
    "STOP_SEQUENCE": Completed,
    "MAX_TOKENS": Truncated,
    "ERROR_LIMIT": Truncated,  # the context length of the model
    "TOOL_CALL": ToolCall,
    "ERROR": Errored,
    "TIMEOUT": Errored,
}

_PLAIN: dict[str, Ending] = {word: made(word) for word, made in FINISH_REASONS.items() if made is not Errored}

CANCELLED = "USER_CANCEL"

_CONTENT = frozenset(
    {
        "content-start",
        "content-delta",
        "tool-plan-delta",
        "tool-call-start",
        "tool-call-delta",
        "text-generation",
        "tool-calls-generation",
        "tool-calls-chunk",
    }
)
"""Events that may hold something that the model produced; of v2, then of v1."""

_ASKS = frozenset({"tool-call-start", "tool-calls-generation", "tool-calls-chunk"})

_ENDS = frozenset({"message-end", "stream-end", "stream-error"})

EVENTS = _CONTENT | _ENDS | {"message-start", "stream-start"}

_OF_ANSWER = ("finish_reason", "generation_id", "usage")
"""By one of which an answer is known to be Cohere's."""

_SKIPPABLE = frozenset({"content-delta", "tool-plan-delta", "tool-call-delta", "citation-start", "citation-end"})


class CohereReader:
    """Reads the answers of chat (v1 and v2) and generate, the events of streamed ones, and the errors of all."""

    __slots__ = (
        "_asked",
        "_content",
        "_error",
        "_reasons",
        "_usage",
        "decided",
        "response_id",
        "response_model",
        "skip",
    )

    def __init__(self) -> None:
        self.skip: frozenset[str] = NOTHING
        self.response_id: str | None = None
        self.response_model: str | None = None
        self.decided = self._asked = self._content = False
        self._reasons: tuple[str | None, ...] = ()
        self._usage: object = None
        self._error: Outcome | None = None

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is an answer of Cohere's, an event of a streamed one, or an error of its SDK."""
        if isinstance(wire, BaseException):
            return type(wire).__module__.split(".", 1)[0] == "cohere"
        wire = field(wire, "_data") or wire
        return (
            _kind(wire) in EVENTS
            or (_is_answer(wire) and any(field(wire, name) is not None for name in _OF_ANSWER))
            or any(field(one, "text") is not None for one in items(wire, "generations"))
            or (isinstance(wire, dict) and isinstance(wire.get("message"), str) and wire.keys() <= {"id", "message"})
        )

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        return tuple(filter(None, self._reasons))

    def glance(self, event: Any, /) -> bool:
        try:
            return self._content and event.event_type == "text-generation"
        except Exception:  # an event of v2: those are left out by `skip`
            return False

    def feed(self, wire: object, /) -> None:
        wire = field(wire, "_data") or wire  # the SDK's raw response holds its answer there
        kind = _kind(wire)
        if isinstance(wire, BaseException):
            self._fail(type(wire).__name__)
        elif kind in _CONTENT:
            self._read_content(kind, wire)
        elif kind in _ENDS:
            self._read_end(wire)
        elif kind:
            self._name(wire)
        elif items(wire, "generations"):
            self._read_generations(wire)
        elif _is_answer(wire):
            self._read_answer(wire)
        elif isinstance(field(wire, "message"), str):
            self._fail("error")

    def _fail(self, error_type: str) -> None:
        self.decided = True
        if TOXIC not in self._reasons:  # else the decline came first
            self._error = Errored(error_type)

    def _name(self, wire: object) -> None:
        named = text(wire, "id") or text(wire, "response_id") or text(wire, "generation_id")
        self.response_id = named or self.response_id

    def _read_content(self, kind: str, event: object) -> None:
        self._asked = self._asked or kind in _ASKS
        if not self._content and (kind in _ASKS or _text_of(event)):
            self._content, self.skip = True, _SKIPPABLE

    def _read_end(self, event: object) -> None:
        # v2 tells in `delta`; v1 beside the response, which it repeats in full.
        answer = field(event, "response")
        self._name(answer or event)
        self._content = self._content or _is_produced(answer)
        self._asked = self._asked or bool(items(answer, "tool_calls"))
        self._usage = field(event, "delta", "usage") or field(answer, "meta")
        reason = text(event, "delta", "finish_reason") or text(event, "finish_reason") or text(answer, "finish_reason")
        failed = field(event, "delta", "error") or field(event, "err")
        self._end(reason or ("ERROR" if failed else None))

    def _read_answer(self, answer: object) -> None:
        self._error = None
        message = field(answer, "message") or answer
        self._name(answer)
        self._content = _is_produced(message)
        self._asked = bool(items(message, "tool_calls"))
        self._usage = field(answer, "usage") or field(answer, "meta")
        self._end(text(answer, "finish_reason"))

    def _read_generations(self, answer: object) -> None:
        self._error = None
        found = items(answer, "generations")[:MAX_TRACKED]
        self._name(answer)
        self._content = any(field(one, "text") for one in found)
        self._usage = field(answer, "meta")
        # The SDK's model of a generation has no finish reason: one without it ended by being there.
        self._end(*(text(one, "finish_reason") or "COMPLETE" for one in found))

    def _end(self, *reasons: str | None) -> None:
        self._reasons, self.decided = reasons, True

    def outcome(self) -> Outcome | None:
        if self._error is not None or not self._reasons:
            return self._error
        declined = self._reasons.count(TOXIC)
        if declined:
            return self._refused(declined)
        for reason in self._reasons:
            if reason not in FINISH_REASONS and reason != CANCELLED:
                return Unknown(reason or MISSING)
        reason = min(filter(None, self._reasons), key=_ORDER.index)
        if reason == CANCELLED:
            return Incomplete()
        # v1 completes with tool calls in hand.
        asked = self._asked and FINISH_REASONS[reason] is Completed
        return ToolCall(reason) if asked else FINISH_REASONS[reason](reason)

    def _refused(self, declined: int) -> Refused:
        several = len(self._reasons) > 1
        output = _tokens(self._usage, "output_tokens")
        # What was generated is withheld: then only the tokens tell.
        mid_stream = self._content or bool(output)
        refusal = Refusal(
            category="unspecified",
            raw_categories=(TOXIC,),
            stage=("unknown" if several else "mid_stream") if mid_stream else "pre_output",
            source="classifier",
            signal=TOXIC,
        )
        return Refused(
            refusals=(refusal,) * declined,
            discarded_input_tokens=None if several else _billed(self._usage),
            discarded_output_tokens=None if several else output if mid_stream else 0,
        )


_ORDER = ("ERROR", "TIMEOUT", CANCELLED, "MAX_TOKENS", "ERROR_LIMIT", "TOOL_CALL", "COMPLETE", "STOP_SEQUENCE")
"""Of several generations the operation takes the first of these that any has."""


def plain_answer(answer: Any) -> Ending | None:
    """What a whole answer of chat v2 says that ended in a known way."""
    try:
        said = members(answer)
        if "_data" in said:  # of the SDK's raw response
            said = members(said["_data"])
        ending = None if "type" in said or "event_type" in said else _PLAIN.get(said["finish_reason"])
        message = members(said["message"])
        asked = message["tool_calls"] and isinstance(ending, Completed)
    except Exception:  # of another shape
        return None
    return None if asked or message.get("role") is None else ending


def _kind(wire: object) -> str:
    """The type of an event: v1 calls it `event_type`."""
    return text(wire, "type") or text(wire, "event_type") or ""


def _is_answer(wire: object) -> bool:
    """Whether it is a whole answer: of v2 with a message, of v1 with the text."""
    return field(wire, "message", "role") is not None or isinstance(field(wire, "text"), str)


def _is_produced(message: object) -> bool:
    return bool(
        field(message, "text")
        or field(message, "tool_plan")
        or items(message, "tool_calls")
        or any(field(part, "text") or field(part, "thinking") for part in items(message, "content"))
    )


def _text_of(event: object) -> bool:
    message = field(event, "delta", "message")
    content = field(message, "content")
    return any(
        (field(event, "text"), field(message, "tool_plan"), field(content, "text"), field(content, "thinking")),
    )


def _tokens(usage: object, name: str) -> int | None:
    counted = _count(field(usage, "tokens", name))
    return _count(field(usage, "billed_units", name)) if counted is None else counted


def _billed(usage: object) -> int | None:
    billed = _count(field(usage, "billed_units", "input_tokens"))
    return _count(field(usage, "tokens", "input_tokens")) if billed is None else billed


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MAX_NUMBER:
        return None
    return int(value)
