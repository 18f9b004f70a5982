"""The OpenAI chat completions wire, the legacy completions wire, Azure's form of both, and what others that speak it
add.
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
    ToolCall,
    Truncated,
    Unknown,
)
from otel_refusals.reader import MAX_TRACKED, NOTHING, field, items, members, number, text
from otel_refusals.vendors._openai_errors import (
    CONTENT_FILTER,
    Raw,
    category_of,
    error_outcome,
    filtered,
    is_error_body,
)

FINISH_REASONS: dict[str, type[Completed | Truncated | ToolCall | Errored]] = {
    "stop": Completed,
    "length": Truncated,
    "tool_calls": ToolCall,
    "function_call": ToolCall,
    # Of servers that speak this wire, Mistral's for one: nothing in the bytes tells whose they are.
    "model_length": Truncated,
    "error": Errored,
}

_ENDINGS = {reason: ending(reason) for reason, ending in FINISH_REASONS.items()}

_CONTENT = ("content", "tool_calls", "function_call", "audio", "reasoning_content", "reasoning")
"""Members of a message or a delta that the model produced; the last two are what compatible servers call thinking."""


class _Choice:
    """What is known of one choice: constant in size however long its text."""

    __slots__ = ("content", "filters", "finish_reason", "refusal")

    def __init__(self) -> None:
        self.content = False
        self.refusal: str | None = None
        self.finish_reason: str | None = None
        self.filters: Raw = {}

    @property
    def declined(self) -> bool:
        """Whether the model, or a filter, declined this choice."""
        return self.finish_reason == CONTENT_FILTER or self.refusal is not None or bool(self.filters)


class ChatReader:
    """Reads a `ChatCompletion` or `Completion`, their chunks, and the errors of those endpoints.

    `message.refusal` tells a decline by the model while `finish_reason` is `stop`; the first delta of a stream has it
    as an empty string, which is none. Usage is per call, so tokens of one choice are unknown when there are several.
    """

    __slots__ = (
        "_choices",
        "_error",
        "_finished",
        "_prompt_filters",
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
        self._error: Outcome | None = None
        self._reset()

    def _reset(self) -> None:
        self.decided = False
        self._choices: dict[int, _Choice] = {}
        self._prompt_filters: Raw = {}
        self._usage: object = None
        self._finished = False

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is a chat or legacy completion, a chunk of one, or an error of any endpoint."""
        if isinstance(wire, BaseException):
            return type(wire).__module__.split(".", 1)[0] == "openai"
        kind = text(wire, "object") or ""
        return kind.startswith(("chat.completion", "text_completion")) or bool(
            items(wire, "choices") or is_error_body(wire)
        )

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        return tuple(choice.finish_reason for _, choice in sorted(self._choices.items()) if choice.finish_reason)

    def feed(self, wire: object, /) -> None:
        if isinstance(wire, BaseException):
            # Of `LengthFinishReasonError` and `ContentFilterFinishReasonError`: what the vendor said stands inside.
            wire = field(wire, "completion") or wire
        choices = items(wire, "choices")
        if isinstance(wire, BaseException) or field(wire, "error") is not None:
            self._read_error(wire)
            return
        if text(wire, "object") == "chat.completion":
            self._reset()
            self._finished = self.decided = True
        self.response_id = text(wire, "id") or self.response_id
        self.response_model = text(wire, "model") or self.response_model
        usage = field(wire, "usage")
        if usage is not None:
            self._usage = usage
            if self._choices and not choices:
                self._finished = self.decided = True  # it comes by itself after the last choice is over
        for entry in items(wire, "prompt_filter_results"):
            filtered(field(entry, "content_filter_results"), self._prompt_filters)
        for choice in choices:
            self._read_choice(choice)

    def glance(self, chunk: Any, /) -> bool:
        """Whether a chunk adds only text to a choice that already has some: nearly every chunk of a stream."""
        try:
            (choice,) = chunk.choices
            return (
                choice.finish_reason is None
                and self._choices[choice.index].content
                and not choice.delta.refusal
                and not choice.__pydantic_extra__  # Azure's filter results
            )
        except Exception:  # of another shape than the SDK's chunk of one choice: read it properly
            return False

    def _read_choice(self, wire: object) -> None:
        index = number(wire, "index") or 0
        choice = self._choices.get(index)
        if choice is None:
            if len(self._choices) == MAX_TRACKED:
                return
            choice = self._choices[index] = _Choice()
        # Azure's asynchronous filter sends choices without a delta.
        part = field(wire, "message") or field(wire, "delta")
        refusal = text(part, "refusal")
        if refusal is not None and choice.refusal is None:
            # The text itself is the signal: an application may well stop reading here.
            choice.refusal, self.decided = refusal, True
        if not choice.content and (field(wire, "text") or self._is_content(part)):
            choice.content = True
        results = field(wire, "content_filter_results")
        if results:
            filtered(results, choice.filters)
        finish_reason = text(wire, "finish_reason")
        # A filter's verdict may follow the text, and even a normal end, by the asynchronous filter.
        if finish_reason is not None and choice.finish_reason != CONTENT_FILTER:
            choice.finish_reason = finish_reason
            self.decided = True

    @staticmethod
    def _is_content(part: object) -> bool:
        """Whether a message or a delta holds something that the model produced."""
        return any(field(part, name) for name in _CONTENT)

    def _read_error(self, wire: object) -> None:
        self.decided = True
        if any(choice.declined for choice in self._choices.values()):
            return  # the decline came first
        content = any(choice.content for choice in self._choices.values())
        self._error = self._error_outcome(wire, content=content)

    def _error_outcome(self, wire: object, *, content: bool) -> Refused | Errored:
        return error_outcome(wire, content=content)

    def outcome(self) -> Outcome | None:
        if self._error is not None:
            return self._error
        choices = [self._choices[index] for index in sorted(self._choices)]
        refusals = [self._refusal(choice) for choice in choices if choice.declined]
        return self._refused(tuple(refusals)) if refusals else self._not_refused(choices)

    def _refusal(self, choice: _Choice) -> Refusal:
        if choice.finish_reason == CONTENT_FILTER or choice.filters:
            raw = choice.filters or self._prompt_filters
            return Refusal(
                category=category_of(raw),
                raw_categories=tuple(raw) or (CONTENT_FILTER,),
                stage="mid_stream" if choice.content else self._stage_of_withheld(),
                source="classifier",
                signal=CONTENT_FILTER,
                explanation=choice.refusal,
            )
        return Refusal(
            category="unspecified",
            stage="mid_stream" if choice.content else "pre_output",
            source="model",
            signal="refusal",
            explanation=choice.refusal,
        )

    def _stage_of_withheld(self) -> Stage:
        """A filter may withhold what was generated: then only the tokens tell, and only of a single choice."""
        if not number(self._usage, "completion_tokens"):
            return "pre_output"
        return "unknown" if len(self._choices) > 1 else "mid_stream"

    def _refused(self, refusals: tuple[Refusal, ...]) -> Refused:
        output: int | None = None
        if len(self._choices) == 1:
            refusal = refusals[0]
            if refusal.stage == "pre_output":
                output = 0
            elif refusal.source == "classifier":
                output = number(self._usage, "completion_tokens")
        return Refused(
            refusals=refusals,
            discarded_input_tokens=number(self._usage, "prompt_tokens") if len(self._choices) == 1 else None,
            discarded_output_tokens=output,
        )

    def _not_refused(self, choices: list[_Choice]) -> Outcome | None:
        ended = [choice.finish_reason for choice in choices if choice.finish_reason is not None]
        for reason in ended:
            if reason not in FINISH_REASONS:
                return Unknown(reason)
        if not ended or len(ended) < len(choices):
            if "error" in ended:
                return _ENDINGS["error"]
            return Unknown(MISSING) if self._finished else None
        reason = min(ended, key=_ORDER.index) if len(ended) > 1 else ended[0]
        return _ENDINGS[reason]


_ORDER = ("error", "length", "model_length", "tool_calls", "function_call", "stop")
"""Of several choices the operation takes the first of these that any choice has."""


_PLAIN = {reason: ending for reason, ending in _ENDINGS.items() if not isinstance(ending, Errored)}


def plain_completion(completion: Any) -> Ending | None:
    """What a whole `ChatCompletion` says that has one choice, ended in a known way, with nothing that could decline."""
    try:
        said = members(completion)
        (choice,) = said["choices"]
        of_choice = members(choice)
        ending = _PLAIN.get(of_choice["finish_reason"]) if said["object"] == "chat.completion" else None
        results = field(choice, "content_filter_results")  # of Azure, in every answer
        declined = members(of_choice["message"]).get("refusal") or (results and filtered(results))
        return None if declined or field(completion, "error") is not None else ending
    except Exception:  # of another shape than the SDK's
        return None
