"""The OpenAI Realtime wire: the events of one response. Source: `openai.types.realtime.RealtimeResponse`."""

from __future__ import annotations

from otel_refusals.outcome import (
    MISSING,
    Completed,
    Errored,
    Incomplete,
    Outcome,
    Refusal,
    Refused,
    Stage,
    ToolCall,
    Truncated,
    Unknown,
)
from otel_refusals.reader import NOTHING, field, items, never, number, text
from otel_refusals.vendors._openai_errors import CONTENT_FILTER, refusal_in, refused_by_error

_CONTENT_DELTAS = frozenset(
    f"response.{kind}.delta"
    for kind in (
        "text",
        "output_text",
        "audio",
        "output_audio",
        "audio_transcript",
        "output_audio_transcript",
        "function_call_arguments",
        "mcp_call_arguments",
    )
)


class RealtimeReader:
    """Reads the events from `response.created` to `response.done`."""

    __slots__ = ("_content", "_response", "decided", "response_id", "skip")

    response_model: str | None = None
    glance = staticmethod(never)

    def __init__(self) -> None:
        self.skip: frozenset[str] = NOTHING
        self.decided = self._content = False
        self.response_id: str | None = None
        self._response: object = None

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is a response of the Realtime API, or an event with one."""
        return "realtime.response" in (text(wire, "object"), text(wire, "response", "object"))

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        reason = text(self._response, "status_details", "reason") or text(self._response, "status")
        return (reason,) if reason else ()

    def feed(self, wire: object, /) -> None:
        kind = text(wire, "type")
        if kind in _CONTENT_DELTAS:
            self._content, self.skip = True, _CONTENT_DELTAS
        elif kind == "response.done" or kind is None:
            self._response, self.decided = field(wire, "response") or wire, True
            self.response_id = text(self._response, "id")

    def outcome(self) -> Outcome | None:
        if not self.decided:
            return None
        reason = text(self._response, "status_details", "reason")
        match text(self._response, "status"):
            case "completed":
                asked = any(text(item, "type") == "function_call" for item in items(self._response, "output"))
                return ToolCall("completed") if asked else Completed("completed")
            case "cancelled":
                return Incomplete()
            case "failed":
                return self._failed()
            case "incomplete" if reason == CONTENT_FILTER:
                return self._filtered()
            case "incomplete" if reason == "max_output_tokens":
                return Truncated(reason)
            case status:
                return Unknown(reason or status or MISSING)

    @property
    def _output_tokens(self) -> int | None:
        return number(self._response, "usage", "output_tokens")

    def _failed(self) -> Outcome:
        error = field(self._response, "status_details", "error")
        refusal = refusal_in(error, content=self._content or bool(self._output_tokens), failed=True)
        if refusal is None:
            return Errored(text(error, "code") or text(error, "type") or "failed")
        return refused_by_error(refusal, self._output_tokens, number(self._response, "usage", "input_tokens"))

    def _filtered(self) -> Refused:
        content = self._content or bool(items(self._response, "output")) or bool(self._output_tokens)
        stage: Stage = "mid_stream" if content else "pre_output"
        refusal = Refusal(
            category="unspecified",
            raw_categories=(CONTENT_FILTER,),
            stage=stage,
            source="classifier",
            signal=CONTENT_FILTER,
        )
        return refused_by_error(refusal, self._output_tokens, number(self._response, "usage", "input_tokens"))
