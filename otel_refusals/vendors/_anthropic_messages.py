"""The Anthropic Messages wire.

Stop reasons, `stop_details`, `fallback` blocks and `usage.iterations` as in `anthropic.types.Message` and
`anthropic.types.beta.BetaMessage` 2.12; older SDKs hand `stop_details` over as a plain dict.
"""

from __future__ import annotations

from typing import Any

from otel_refusals.outcome import (
    MISSING,
    Category,
    Completed,
    Ending,
    Outcome,
    Paused,
    Refusal,
    Refused,
    Rescued,
    ToolCall,
    Truncated,
    Unknown,
)
from otel_refusals.reader import MAX_TRACKED, NOTHING, field, items, members, never, number, text
from otel_refusals.vendors._anthropic_errors import error_outcome

STOP_REASONS: dict[str, type[Completed | Truncated | ToolCall | Paused]] = {
    "end_turn": Completed,
    "stop_sequence": Completed,
    "max_tokens": Truncated,
    "model_context_window_exceeded": Truncated,
    "tool_use": ToolCall,
    "pause_turn": Paused,
    "compaction": Paused,
}

_ENDINGS = {stop_reason: ending(stop_reason) for stop_reason, ending in STOP_REASONS.items()}

REFUSAL = "refusal"
"""The stop reason that is none of the above."""

CATEGORIES: dict[str, Category] = {
    "cyber": "cyber",
    "bio": "bio",
    "military_weapons": "weapons",
    "frontier_llm": "frontier_llm",
    "reasoning_extraction": "reasoning_extraction",
    "general_harms": "general_harms",
}

_AFTER_CONTENT = frozenset({"content_block_delta", "content_block_stop", "ping"})
_TEXT_OF_BLOCK = ("text", "thinking", "signature", "data", "content", "partial_json")


class MessagesReader:
    """Reads a `Message`, the events of a streamed one, and the errors of `/v1/messages`.

    Stage comes from content, never from tokens: a refusal before output can report `output_tokens: 1`.
    """

    __slots__ = (
        "_content",
        "_content_of_hop",
        "_details",
        "_error",
        "_finished",
        "_hops",
        "_served_by",
        "_stop_reason",
        "_usage",
        "decided",
        "response_id",
        "response_model",
        "skip",
    )

    glance = staticmethod(never)

    def __init__(self) -> None:
        self.response_id: str | None = None
        self.response_model: str | None = None
        self._reset()

    def _reset(self) -> None:
        self.skip: frozenset[str] = NOTHING
        self.decided = False
        self._error: Outcome | None = None
        self._content = self._content_of_hop = self._finished = False
        self._hops: list[Refusal] = []
        self._served_by: str | None = None
        self._stop_reason: str | None = None
        self._details: object = None
        self._usage: dict[str, int] = {}

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is a Message, an event of a streamed one, or an Anthropic error."""
        if isinstance(wire, BaseException):
            return type(wire).__module__.split(".", 1)[0] == "anthropic"
        kind = text(wire, "type")
        if kind == "error":
            # OpenAI's flat error event has its code beside the type; Anthropic nests an object that has no code.
            return field(wire, "error") is not None and field(wire, "error", "code") is None
        return kind in _FEED and (kind != "completion" or field(wire, "completion") is not None)

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        return (self._stop_reason,) if self._stop_reason else ()

    def feed(self, wire: object, /) -> None:
        if isinstance(wire, BaseException):
            self._read_error(field(wire, "body") or wire, type(wire).__name__, field(wire, "message"))
            return
        read = _FEED.get(text(wire, "type") or "")
        if read is not None:
            read(self, wire)

    def outcome(self) -> Outcome | None:
        if self._error is not None:
            return self._error
        stop_reason = self._stop_reason
        if stop_reason is None:
            return Unknown(MISSING) if self._finished else None
        if stop_reason == REFUSAL:
            return self._refused()
        known = _ENDINGS.get(stop_reason)
        if known is None:
            return Unknown(stop_reason)
        if not self._hops:
            return known
        # The partial text of a declined hop stays in the message, so nothing is thrown away.
        return Rescued(
            refusals=tuple(self._hops),
            deciding=-1,
            rescued_by=self._served_by or self.response_model,
            signal=stop_reason,
            discarded_input_tokens=0,
            discarded_output_tokens=0,
        )

    def _refused(self) -> Refused:
        raw = text(self._details, "category")
        final = Refusal(
            category=category_of(raw),
            raw_categories=(raw,) if raw else (),
            stage="mid_stream" if self._content else "pre_output",
            source="classifier",
            signal=REFUSAL,
            explanation=text(self._details, "explanation"),
        )
        usage = self._usage
        return Refused(
            refusals=(*self._hops, final),
            deciding=-1,
            # Without output the vendor does not bill, whatever usage says (refusals and fallback, since 2026-06-02).
            discarded_input_tokens=_input_tokens(usage) if self._content else 0,
            discarded_output_tokens=usage.get("output_tokens") if self._content else 0,
        )

    def _message(self, message: object) -> None:
        self._reset()
        self._finished = True
        self._read_stop(message)
        self._read_message(message)
        self.decided = True

    def _message_start(self, wire: object) -> None:
        self._read_message(field(wire, "message"))

    def _read_message(self, message: object) -> None:
        self.response_id = text(message, "id")
        self.response_model = text(message, "model")
        blocks = items(message, "content")
        self._read_usage(message)
        for block in blocks:
            self._read_block(block)

    def _content_block_start(self, wire: object) -> None:
        self._read_block(field(wire, "content_block"))

    def _content_block_delta(self, wire: object) -> None:
        delta = field(wire, "delta")
        if any(field(delta, name) for name in _TEXT_OF_BLOCK):
            self._saw_content()

    def _message_delta(self, wire: object) -> None:
        self._read_usage(wire)
        self._read_stop(field(wire, "delta"))

    def _message_stop(self, _: object) -> None:
        self._finished = self.decided = True

    def _completion(self, wire: object) -> None:
        self.response_model = text(wire, "model") or self.response_model
        if field(wire, "completion"):
            self._saw_content()
        self._read_stop(wire)

    def _error_event(self, wire: object) -> None:
        if self._stop_reason is None:  # else it has ended before, in the vendor's own words
            self._read_error(wire, text(wire, "error", "type") or "error")

    def _read_block(self, block: object) -> None:
        kind = text(block, "type")
        if kind == "fallback":
            self._read_hop(block)
        elif kind in ("text", "thinking", "redacted_thinking", "compaction"):
            if any(field(block, name) for name in _TEXT_OF_BLOCK):
                self._saw_content()
        elif kind is not None:
            self._saw_content()  # a tool call is content by its name alone, and so is a block of a kind not yet known

    def _read_hop(self, block: object) -> None:
        raw = text(block, "trigger", "category")
        if text(block, "trigger", "type") in (None, "refusal") and len(self._hops) < MAX_TRACKED:
            self._hops.append(
                Refusal(
                    category=category_of(raw),
                    raw_categories=(raw,) if raw else (),
                    stage="mid_stream" if self._content_of_hop else "pre_output",
                    source="classifier",
                    signal=REFUSAL,
                )
            )
        self._served_by = text(block, "to", "model") or self._served_by
        # The next hop starts without content, and the next content has to be looked for again.
        self._content_of_hop, self.skip = False, NOTHING

    def _saw_content(self) -> None:
        self._content = self._content_of_hop = True
        self.skip = _AFTER_CONTENT

    def _read_stop(self, wire: object) -> None:
        stop_reason = text(wire, "stop_reason")
        if stop_reason is not None:
            self._stop_reason, self.decided = stop_reason, True
        details = field(wire, "stop_details")
        if details is not None:
            self._details = details

    def _read_usage(self, wire: object) -> None:
        usage = field(wire, "usage")
        for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"):
            tokens = number(usage, name)
            if tokens is not None:
                self._usage[name] = tokens

    def _read_error(self, body: object, error_type: str, raised: object = None) -> None:
        self.decided = True
        self._error = error_outcome(body, error_type, raised)


_FEED = {
    "message": MessagesReader._message,
    "message_start": MessagesReader._message_start,
    "content_block_start": MessagesReader._content_block_start,
    "content_block_delta": MessagesReader._content_block_delta,
    "message_delta": MessagesReader._message_delta,
    "message_stop": MessagesReader._message_stop,
    "completion": MessagesReader._completion,
    "error": MessagesReader._error_event,
}


def plain_message(message: Any) -> Ending | None:
    """What a whole `Message` says that ended in a known way and has no declined hop in it, as most do."""
    try:
        said = members(message)
        ending = _ENDINGS.get(said["stop_reason"]) if said["type"] == "message" else None
        for block in said["content"] if ending is not None else ():
            if members(block)["type"] == "fallback":
                return None
    except Exception:  # of another shape than the SDK's
        return None
    return ending


def category_of(raw: str | None) -> Category:
    """The category of the vendor's own name for it."""
    return "unspecified" if raw is None else CATEGORIES.get(raw, "other")


def _input_tokens(usage: dict[str, int]) -> int | None:
    """Input as billed, cached input included, as OpenTelemetry's `gen_ai.usage.input_tokens` counts it."""
    if "input_tokens" not in usage:
        return None
    return sum(tokens for name, tokens in usage.items() if name != "output_tokens")
