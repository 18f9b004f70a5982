"""The OpenAI Responses wire, and Azure's form of it."""

from __future__ import annotations

from typing import Any

from otel_refusals.outcome import (
    MISSING,
    Completed,
    Ending,
    Errored,
    Incomplete,
    Outcome,
    Paused,
    Refusal,
    Refused,
    Stage,
    ToolCall,
    Truncated,
    Unknown,
)
from otel_refusals.reader import MAX_TRACKED, NOTHING, field, items, members, never, number, text
from otel_refusals.vendors._openai_errors import (
    CONTENT_FILTER,
    Raw,
    category_of,
    error_outcome,
    filtered,
    is_error_body,
    refusal_in,
    refused_by_error,
)
from otel_refusals.vendors._openai_output import (
    APPLICATION_TOOLS,
    IMAGE_CALL,
    Output,
    is_content,
    refusals_of,
    spoken_refusal,
)

INCOMPLETE_REASONS: dict[str, type[Truncated | Paused]] = {
    "max_output_tokens": Truncated,
    "max_messages": Truncated,
    "steered": Paused,
}

PENDING = frozenset({"queued", "in_progress"})
"""Statuses of a response that the vendor still works on."""

_CONTENT_DELTAS = frozenset(
    {
        "response.output_text.delta",
        "response.reasoning_text.delta",
        "response.reasoning_summary_text.delta",
        "response.function_call_arguments.delta",
        "response.custom_tool_call_input.delta",
        "response.mcp_call_arguments.delta",
        "response.code_interpreter_call_code.delta",
        "response.shell_call_command.delta",
        "response.audio.delta",
        "response.audio.transcript.delta",
        "response.image_generation_call.partial_image",
    }
)
_AFTER_CONTENT = _CONTENT_DELTAS - {"response.audio.delta"}  # of its class the SDK makes what it does not know


class ResponsesReader:
    """Reads a `Response`, the events of a streamed one, and the errors of `/responses`.

    A decline is a `refusal` part in a completed response, an `incomplete` response with reason `content_filter`, a
    `failed` one with a policy code, a policy error inside the stream, or a blocked image tool.
    """

    __slots__ = (
        "_asked",
        "_content",
        "_error",
        "_output",
        "_refusals",
        "_response",
        "_spoken",
        "_whole",
        "decided",
        "response_id",
        "response_model",
        "skip",
    )

    glance = staticmethod(never)

    def __init__(self) -> None:
        self.skip: frozenset[str] = NOTHING
        self.decided = False
        self.response_id: str | None = None
        self.response_model: str | None = None
        self._asked = self._content = self._whole = False
        self._refusals: tuple[Refusal, ...] = ()
        self._response: object = None
        self._output: Output | None = None
        self._error: Outcome | None = None
        self._spoken: tuple[Refusal, ...] = ()

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is a response, or an event of a streamed one."""
        kind = text(wire, "type") or ""
        return text(wire, "object") == "response" or kind.startswith("response.") or kind == "error"

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        reason = text(self._response, "incomplete_details", "reason") or text(self._response, "status")
        return (reason,) if reason else ()

    def feed(self, wire: object, /) -> None:
        if text(wire, "event") == "error":  # openai 1.66 to 1.98 hand the flat error event over wrapped
            wire = field(wire, "data")
        kind = text(wire, "type") or ""
        if kind in _CONTENT_DELTAS:
            self._content, self.skip = True, _AFTER_CONTENT
        elif kind in ("response.refusal.delta", "response.refusal.done"):
            self._read_spoken(text(wire, "delta") or text(wire, "refusal"))
        elif kind == "response.output_item.added":
            item = field(wire, "item")
            # A call of the image tool may yet be blocked, and then it is the decline, not content before it.
            self._content = self._content or (text(item, "type") != IMAGE_CALL and is_content(item))
        elif kind == "response.output_item.done":
            self._read_item(field(wire, "item"))
        elif isinstance(wire, BaseException) or kind == "error" or is_error_body(wire):
            error = error_outcome(wire, content=self._content)
            if isinstance(error, Refused) or not (self._refusals or self._spoken):  # what was declined stays so
                self._error = error
            self.decided = True
        elif text(wire, "object") == "response":
            self._whole = True
            self._read_response(wire)
        else:
            self._read_response(field(wire, "response"))

    def _read_spoken(self, prose: str | None) -> None:
        if prose is not None and not self._spoken:
            self._spoken = (spoken_refusal(prose, self._content),)
            self.decided = True

    def _read_item(self, item: object) -> None:
        # Some servers leave the terminal event's `output` empty: what an item told must not be lost with it.
        if len(self._refusals) < MAX_TRACKED:
            self._refusals += tuple(refusals_of(item, self._content))
        self.decided = self.decided or bool(self._refusals)
        self._asked = self._asked or text(item, "type") in APPLICATION_TOOLS
        self._content = self._content or is_content(item)

    def _read_response(self, response: object) -> None:
        if response is None:
            return
        self._response, self._output = response, None
        self.response_id = text(response, "id") or self.response_id
        self.response_model = text(response, "model") or self.response_model
        self.decided = self.decided or text(response, "status") not in PENDING

    def outcome(self) -> Outcome | None:
        if self._error is not None:
            return self._error
        response = self._response
        output = self._read_output()
        status = text(response, "status")
        declined = self._refusals or output.refusals or self._spoken
        if status == "failed":
            failed = self._failed(output.content)
            return self._declined(declined) if declined and isinstance(failed, Errored) else failed
        reason = text(response, "incomplete_details", "reason")
        blocks = _azure_blocks(response)
        if blocks or (status == "incomplete" and reason == CONTENT_FILTER):
            return self._filtered(blocks, output.content)
        if declined:
            return self._declined(declined)
        return self._not_refused(status, reason)

    def _read_output(self) -> Output:
        """What the items of the response tell, read once: a stream is asked for its outcome after every event."""
        known = self._output
        if known is None or known.after_content is not self._content:
            known = self._output = Output(items(self._response, "output"), self._content)
        return known

    def _failed(self, content: bool) -> Outcome:
        error = field(self._response, "error")
        output = number(self._response, "usage", "output_tokens")
        refusal = refusal_in(error, content=content or bool(output), failed=True)
        if refusal is None:
            return Errored(text(error, "code") or "failed")
        return refused_by_error(refusal, output, number(self._response, "usage", "input_tokens"))

    def _filtered(self, blocks: list[object], content: bool) -> Refused:
        blocked: Raw = {}
        for entry in blocks:
            filtered(field(entry, "content_filter_results"), blocked)
        of_prompt = bool(blocks) and all(text(entry, "source_type") == "prompt" for entry in blocks)
        output = number(self._response, "usage", "output_tokens")
        # The filter may withhold what was generated: then only the tokens tell.
        stage: Stage = "mid_stream" if not of_prompt and (content or output) else "pre_output"
        return Refused(
            refusals=(
                Refusal(
                    category=category_of(blocked),
                    raw_categories=tuple(blocked) or (CONTENT_FILTER,),
                    stage=stage,
                    source="classifier",
                    signal=CONTENT_FILTER,
                ),
            ),
            discarded_input_tokens=number(self._response, "usage", "input_tokens"),
            discarded_output_tokens=0 if stage == "pre_output" else output,
        )

    def _declined(self, refusals: tuple[Refusal, ...]) -> Refused:
        # Refusal text is billed output: beside content the two cannot be told apart.
        before_output = all(refusal.stage == "pre_output" for refusal in refusals)
        return Refused(
            refusals=refusals,
            discarded_input_tokens=number(self._response, "usage", "input_tokens"),
            discarded_output_tokens=0 if before_output else None,
        )

    def _not_refused(self, status: str | None, reason: str | None) -> Outcome | None:
        if status is None:
            return None if self._response is None else Unknown(MISSING)
        if status == "completed":
            return ToolCall(status) if self._asked or self._read_output().asked else Completed(status)
        if status == "incomplete":
            known = INCOMPLETE_REASONS.get(reason or "")
            return Unknown(reason or MISSING) if known is None else known(reason or "")
        if status in PENDING:
            return Paused(status) if self._whole else None
        return Incomplete() if status == "cancelled" else Unknown(status)


def _azure_blocks(response: object) -> list[object]:
    """Azure's `content_filters` that blocked the prompt or the output."""
    return [entry for entry in items(response, "content_filters")[:MAX_TRACKED] if field(entry, "blocked") is True]


_PLAIN: dict[bool, Ending] = {False: Completed("completed"), True: ToolCall("completed")}
"""By whether the model asks the application for something."""


def plain_response(response: Any) -> Ending | None:
    """What a whole `Response` says that is completed, with nothing in it that could decline."""
    try:
        said = members(response)
        if said["status"] != "completed" or said["object"] != "response" or _azure_blocks(response):
            return None
        asked = False
        for item in said["output"]:
            of_item = members(item)
            kind = of_item["type"]
            if kind == "message":
                for part in of_item["content"]:
                    if members(part)["type"] == "refusal":
                        return None
            elif kind == IMAGE_CALL:
                return None
            elif kind in APPLICATION_TOOLS:
                asked = True
    except Exception:  # of another shape than the SDK's
        return None
    return _PLAIN[asked]
