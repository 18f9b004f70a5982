"""The bodies of InvokeModel that are a model family's own: how each says that it ended.

Amazon Titan: `completionReason`. Meta Llama, Mistral, DeepSeek: `stop_reason`. Cohere, AI21, Qwen, Writer and others:
`finish_reason`. AI21 Jurassic, TwelveLabs, Stability's older models: `finishReason`. Stability: `finish_reasons`, null
for an image that passed. Amazon's image models: `error` beside the images that passed. As in the Bedrock user guide,
"Inference request parameters and response fields for foundation models".
"""

from __future__ import annotations

from otel_refusals.outcome import (
    Category,
    Completed,
    Errored,
    Outcome,
    Refusal,
    Refused,
    Stage,
    ToolCall,
    Truncated,
    Unknown,
)
from otel_refusals.reader import MAX_TRACKED, NOTHING, field, items, never, number, short, text

REASONS: dict[str, type[Completed | Truncated | ToolCall | Errored]] = {
    "stop": Completed,
    "finish": Completed,
    "finished": Completed,
    "complete": Completed,
    "stop_criteria_met": Completed,
    "stop_sequence": Completed,
    "end_turn": Completed,
    "endoftext": Completed,
    "success": Completed,
    "images": Completed,
    "length": Truncated,
    "max_tokens": Truncated,
    "model_length": Truncated,
    "tool_calls": ToolCall,
    "tool_call": ToolCall,
    "tool_use": ToolCall,
    "error": Errored,
    "error_limit": Errored,
    "user_cancel": Errored,
    "rag_query_when_rag_disabled": Errored,
    "inference error": Errored,
}
"""Ends, in lower case: the families spell the same ones in either."""

REFUSALS: dict[str, tuple[Category, Stage | None]] = {
    "content_filtered": ("unspecified", None),
    "content_filter": ("unspecified", None),
    "error_toxic": ("unspecified", None),
    "filter reason: prompt": ("unspecified", "pre_output"),
    "filter reason: input image": ("image", "pre_output"),
    "filter reason: output image": ("image", "mid_stream"),
}
"""Declines, in lower case, with the stage where the word itself tells it."""

_LISTS = ("results", "outputs", "generations", "completions", "choices", "artifacts")
_OWN = ("completionReason", "outputText", "generation", "finish_reasons", "images")
"""Members that no other provider's bodies have."""

_REASON = (
    ("completionReason",),
    ("stop_reason",),
    ("finish_reason",),
    ("finishReason", "reason"),
    ("finishReason",),
)
_CONTENT = (
    ("outputText",),
    ("text",),
    ("generation",),
    ("message", "content"),
    ("message", "tool_calls"),
    ("delta", "content"),
    ("delta", "tool_calls"),
    ("tool_calls",),
    ("data", "text"),
    ("base64",),
)
_INPUT_TOKENS = (
    ("inputTextTokenCount",),
    ("prompt_token_count",),
    ("usage", "prompt_tokens"),
    ("usage", "input_tokens"),
    ("usage", "inputTokens"),
    ("amazon-bedrock-invocationMetrics", "inputTokenCount"),
)
_OUTPUT_TOKENS = (
    ("tokenCount",),
    ("totalOutputTextTokenCount",),
    ("generation_token_count",),
    ("usage", "completion_tokens"),
    ("usage", "output_tokens"),
    ("usage", "outputTokens"),
    ("amazon-bedrock-invocationMetrics", "outputTokenCount"),
)
_VECTORS = ("embedding", "embeddings", "embeddingsByType")
_RANKS = ("relevance_score", "relevanceScore")

_IMAGES = "images"
"""The signal of images that came without a word on how they ended."""


def generates(wire: object) -> bool:
    """Whether a body is of a model that generates: one that embeds or ranks does not."""
    ranked = _first(items(wire, "results"))
    return all(field(wire, name) is None for name in _VECTORS) and all(field(ranked, name) is None for name in _RANKS)


class ModelsReader:
    """Reads the bodies of these families, whole and as the chunks of a stream."""

    __slots__ = ("_content", "_reasons", "_tokens", "decided", "response_id", "response_model")

    glance = staticmethod(never)
    skip = NOTHING

    def __init__(self) -> None:
        self.decided = False
        self.response_id: str | None = None
        self.response_model: str | None = None
        self._content: set[int] = set()
        self._reasons: dict[int, str] = {}
        self._tokens = Tokens()

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` has a shape that no other provider's has."""
        if not isinstance(wire, dict):
            return False
        if any(name in wire for name in _OWN):
            return True
        choice = _choices(wire)[0]
        return choice is not wire and field(choice, "finish_reason") is None and _reason(choice) is not None

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        return tuple(self._reasons[index] for index in sorted(self._reasons))

    def feed(self, wire: object, /) -> None:
        if not isinstance(wire, dict):
            return
        self.response_id = text(wire, "id") or self.response_id
        self.response_model = text(wire, "model") or self.response_model
        choices = _choices(wire)
        for position, choice in enumerate(choices):
            # Beside a list's own, an index is that of a chunk.
            index = position if choice is wire else number(choice, "index")
            self._read_choice(position if index is None else index, choice)
        self._tokens.read(wire)
        self._read_images(wire)
        self.decided = bool(self._reasons)

    def _read_choice(self, index: int, choice: object) -> None:
        if len(self._content | self._reasons.keys()) >= MAX_TRACKED:
            return
        if any(field(choice, *path) for path in _CONTENT):
            self._content.add(index)
        reason = _reason(choice)
        if reason is not None:
            self._reasons[index] = reason

    def _read_images(self, wire: object) -> None:
        reasons: list[object] = list(items(wire, "finish_reasons"))
        if not reasons and items(wire, "images"):
            reasons = [None]
        error = text(wire, "error")
        if error is not None:
            reasons.append("content_filtered" if _says_filtered(error) else "error")
        for index, reason in enumerate(reasons[:MAX_TRACKED]):
            self._reasons[index] = short(reason) if isinstance(reason, str) and reason else _IMAGES

    def outcome(self) -> Outcome | None:
        ended = sorted(self._reasons.items())
        refusals = tuple(self._refusal(index, reason) for index, reason in ended if reason.lower() in REFUSALS)
        if refusals:
            return self._refused(refusals)
        for reason in self.finish_reasons:
            if reason.lower() not in REASONS:
                return Unknown(reason)
        for kind in (Errored, Truncated, ToolCall, Completed):
            for reason in self.finish_reasons:
                if REASONS[reason.lower()] is kind:
                    return kind(reason)
        return None

    def _refusal(self, index: int, reason: str) -> Refusal:
        category, stage = REFUSALS[reason.lower()]
        return Refusal(
            category=category,
            raw_categories=(reason,),
            stage=stage or self._stage(index),
            source="classifier",
            signal=reason,
        )

    def _stage(self, index: int) -> Stage:
        """The filter may put a notice in the place of what it withholds: tokens tell, where they are of one choice."""
        tokens = self._tokens.output if len(self._reasons) == 1 else None
        if tokens is not None:
            return "mid_stream" if tokens else "pre_output"
        return "mid_stream" if index in self._content else "pre_output"

    def _refused(self, refusals: tuple[Refusal, ...]) -> Refused:
        if len(self._reasons) > 1:
            return Refused(refusals=refusals)
        generated = refusals[0].stage == "mid_stream"
        return Refused(
            refusals=refusals,
            discarded_input_tokens=self._tokens.input if generated else None,
            discarded_output_tokens=self._tokens.output if generated else 0,
        )


class Tokens:
    """The tokens that a body reports, or the last event of a stream that does."""

    __slots__ = ("input", "output")

    def __init__(self) -> None:
        self.input: int | None = None
        self.output: int | None = None

    def read(self, wire: dict[str, object]) -> None:
        """Take in a body with its first answer, or an event."""
        for part in (wire, _choices(wire)[0]):
            self.input = _number(part, _INPUT_TOKENS, self.input)
            self.output = _number(part, _OUTPUT_TOKENS, self.output)


def _number(wire: object, paths: tuple[tuple[str, ...], ...], otherwise: int | None) -> int | None:
    return next((found for path in paths if (found := number(wire, *path)) is not None), otherwise)


def _choices(wire: dict[str, object]) -> list[object] | tuple[object, ...]:
    """The answers in a body; the body itself where it is the answer. Never empty."""
    return next((found for name in _LISTS if (found := items(wire, name))), (wire,))


def _reason(choice: object) -> str | None:
    return next((found for path in _REASON if (found := text(choice, *path)) is not None), None)


def _first(found: list[object] | tuple[object, ...]) -> object:
    return found[0] if found else None


def _says_filtered(error: str) -> bool:
    told = error.lower()
    return "content filter" in told or "responsible ai" in told
