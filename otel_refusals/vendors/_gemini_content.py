"""The wire of `generateContent` and `streamGenerateContent`: the Gemini API and Vertex AI."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from otel_refusals.outcome import (
    Completed,
    Ending,
    Errored,
    Outcome,
    Paused,
    Refusal,
    Refused,
    Stage,
    ToolCall,
    Truncated,
    Unknown,
)
from otel_refusals.reader import MAX_TRACKED, NOTHING, items, members, number
from otel_refusals.vendors._gemini_errors import error_outcome, is_error
from otel_refusals.vendors._gemini_reasons import member, refusal, word
from otel_refusals.wire import WireFormatError, wire_objects

FINISH_REASONS: dict[str, type[Completed | Truncated | Paused | Errored]] = {
    "STOP": Completed,
    "MAX_TOKENS": Truncated,
    "CONTINUATION": Paused,
    "MALFORMED_FUNCTION_CALL": Errored,
    "UNEXPECTED_TOOL_CALL": Errored,
    "TOO_MANY_TOOL_CALLS": Errored,
    "MISSING_THOUGHT_SIGNATURE": Errored,
    "MALFORMED_RESPONSE": Errored,
    "NO_IMAGE": Errored,
}

DECLINED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "ESCALATION",
        "PUP_LIMITED_DISABLED",
        "MODEL_ARMOR",
    }
)
"""Finish reasons of a candidate that was declined. `OTHER` and `IMAGE_OTHER` say nothing, and are unknown."""

_CONTENT = (
    "text",
    "function_call",
    "inline_data",
    "file_data",
    "executable_code",
    "code_execution_result",
    "tool_call",
    "tool_response",
    "thought_signature",
    "audio_transcription",
)
"""Members of a part that the model, or a tool that it ran, produced."""


class _Candidate:
    """What is known of one candidate: constant in size however long its text."""

    __slots__ = ("asked", "content", "declined", "finish_reason", "tokens")

    def __init__(self) -> None:
        self.asked = self.content = False
        self.finish_reason: str | None = None
        self.declined: Refusal | None = None
        """That it was stopped for what it says, or would have said; at which stage, the end of the stream tells."""
        self.tokens: int | None = None


class ContentReader:
    """Reads a `GenerateContentResponse`, the chunks of a streamed one, and the errors of those routes.

    A blocked prompt has a `blockReason` and no candidate; a blocked candidate has a finish reason, and its content is
    withheld, in a stream from the blocking chunk on. Automatic function calling puts several answers into one stream:
    the last one counts.
    """

    __slots__ = (
        "_blocked",
        "_candidates",
        "_error",
        "_usage",
        "decided",
        "response_id",
        "response_model",
        "skip",
    )

    def __init__(self) -> None:
        self.skip: frozenset[str] = NOTHING
        self.decided = False
        self.response_id: str | None = None
        self.response_model: str | None = None
        self._candidates: dict[int, _Candidate] = {}
        self._blocked: Refusal | None = None
        self._error: Refused | Errored | None = None
        self._usage: object = None

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is a response or a chunk of one, or an error of any route of this API."""
        return (
            bool(items(wire, "candidates"))
            or any(member(wire, name) is not None for name in ("prompt_feedback", "usage_metadata", "model_version"))
            or is_error(wire)
        )

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        return tuple(known.finish_reason for _, known in sorted(self._candidates.items()) if known.finish_reason)

    def glance(self, chunk: Any, /) -> bool:
        """Whether a chunk adds only text to a candidate that already has some: nearly every chunk of a stream."""
        try:
            (candidate,) = chunk.candidates
            (part,) = candidate.content.parts
            known = self._candidates[candidate.index or 0]
            mere = (
                known.content
                and candidate.finish_reason is None
                and known.finish_reason is None
                and part.function_call is None
                and chunk.response_id == self.response_id
                and chunk.prompt_feedback is None
            )
            if mere and chunk.usage_metadata is not None:
                self._usage = chunk.usage_metadata  # running totals: the blocking chunk may come without
        except Exception:  # of another shape than the SDK's chunk of one candidate: read it properly
            return False
        return bool(mere)

    def feed(self, wire: object, /) -> None:
        if isinstance(wire, BaseException) or is_error(wire):
            self.decided = True
            if not self._refusals():  # else the decline came first
                self._error = error_outcome(wire)
            return
        wire = _unparsed(wire)
        candidates = items(wire, "candidates")[:MAX_TRACKED]
        self._begin(word(wire, "response_id"), candidates)
        self.response_model = word(wire, "model_version") or self.response_model
        usage = member(wire, "usage_metadata")
        if usage is not None:
            self._usage = usage
        feedback = member(wire, "prompt_feedback")
        reason = word(feedback, "block_reason")
        if reason is not None:
            self.decided = True
            self._blocked = refusal(
                reason,
                stage="pre_output",
                ratings=member(feedback, "safety_ratings"),
                explanation=word(feedback, "block_reason_message"),
            )
        for candidate in candidates:
            self._read_candidate(candidate)

    def _begin(self, response_id: str | None, candidates: Any) -> None:
        """Forget an answer that had ended, when the next one begins in the same stream."""
        if response_id and self.response_id:
            new = response_id != self.response_id and all(known.finish_reason for known in self._candidates.values())
        else:
            new = any(map(self._is_of_another, candidates))
        if new and not self._refusals():
            self._candidates, self._usage, self.decided = {}, None, False
        self.response_id = response_id or self.response_id

    def _is_of_another(self, wire: object) -> bool:
        """Whether a candidate is of the answer after the one that is known: older SDKs leave the id out."""
        known = self._candidates.get(number(wire, "index") or 0)
        if known is None or known.finish_reason is None:
            return False
        return bool(_parts(wire)) or (known.asked and word(wire, "finish_reason") not in (None, known.finish_reason))

    def _read_candidate(self, wire: object) -> None:
        index = number(wire, "index") or 0
        known = self._candidates.get(index)
        if known is None:
            if len(self._candidates) == MAX_TRACKED:
                return
            known = self._candidates[index] = _Candidate()
        for part in _parts(wire):
            known.content = known.content or any(member(part, name) for name in _CONTENT)
            known.asked = known.asked or member(part, "function_call") is not None
        known.tokens = number(member(wire, "token_count")) or known.tokens
        reason = word(wire, "finish_reason")
        if reason is not None and known.declined is None:
            known.finish_reason = reason
            if reason in DECLINED:
                message, ratings = word(wire, "finish_message"), member(wire, "safety_ratings")
                known.declined = refusal(reason, stage="unknown", ratings=ratings, explanation=message)
            self.decided = True

    def outcome(self) -> Outcome | None:
        if self._error is not None:
            return self._error
        refusals = self._refusals()
        return self._refused(refusals) if refusals else self._not_refused()

    def _refusals(self) -> tuple[Refusal, ...]:
        if self._blocked is not None:
            return (self._blocked,)
        return tuple(
            replace(known.declined, stage=self._stage(known))
            for _, known in sorted(self._candidates.items())
            if known.declined is not None
        )

    def _stage(self, candidate: _Candidate) -> Stage:
        if candidate.content or candidate.tokens:
            return "mid_stream"
        # The content is withheld: then the tokens of the call tell, unless another candidate may have taken them.
        if not self._output_tokens() or any(known.content for known in self._candidates.values()):
            return "pre_output"
        return "unknown" if len(self._candidates) > 1 else "mid_stream"

    def _output_tokens(self) -> int | None:
        return self._tokens("candidates_token_count", "thoughts_token_count")

    def _tokens(self, *names: str) -> int | None:
        """The sum of those counts that the usage has; None if it has none of them."""
        counts = [number(member(self._usage, name)) for name in names]
        known = [count for count in counts if count is not None]
        return sum(known) if known else None

    def _refused(self, refusals: tuple[Refusal, ...]) -> Refused:
        if len(self._candidates) > 1 and self._blocked is None:
            return Refused(refusals=refusals)
        return Refused(
            refusals=refusals,
            discarded_input_tokens=self._tokens("prompt_token_count", "tool_use_prompt_token_count"),
            discarded_output_tokens=0 if refusals[0].stage == "pre_output" else self._output_tokens(),
        )

    def _not_refused(self) -> Outcome | None:
        candidates = [self._candidates[index] for index in sorted(self._candidates)]
        endings = [_ended(known) for known in candidates if known.finish_reason]
        first = min(endings, key=lambda ended: _ORDER.index(type(ended)), default=None)
        if len(endings) < len(candidates) and not isinstance(first, (Unknown, Errored)):
            return None
        return first


_ORDER: tuple[type, ...] = (Unknown, Errored, Paused, Truncated, ToolCall, Completed)
"""Of several candidates the operation takes the first of these that any candidate has; after the first two of them
comes one that has not ended."""


def _ended(candidate: _Candidate) -> Outcome:
    reason = candidate.finish_reason or ""
    known = FINISH_REASONS.get(reason)
    if known is None:
        return Unknown(reason)
    return ToolCall(reason) if known is Completed and candidate.asked else known(reason)


_PLAIN: dict[str, Ending] = {word: made(word) for word, made in FINISH_REASONS.items() if made is not Errored}


def plain_content(response: Any) -> Ending | None:
    """What a whole `GenerateContentResponse` says of one candidate that ended in a known way."""
    try:
        said = members(response)
        (candidate,) = said["candidates"]
        of_candidate = members(candidate)
        ending = _PLAIN.get(of_candidate["finish_reason"].value) if said["prompt_feedback"] is None else None
        content = of_candidate["content"]
        for part in members(content)["parts"] or () if content is not None else ():
            if members(part)["function_call"] is not None and isinstance(ending, Completed):
                ending = ToolCall(ending.signal)
    except Exception:  # of another shape than the SDK's
        return None
    return ending


def _parts(candidate: object) -> Any:
    return items(candidate, "content", "parts")[:MAX_TRACKED]


def _unparsed(wire: object) -> object:
    """The body that a response holds which the caller asked for unparsed; any other `wire` as it is."""
    body = member(wire, "sdk_http_response", "body")
    if not isinstance(body, str):
        return wire
    try:
        return next(iter(wire_objects(body.encode("utf-8", "surrogatepass"))), wire)
    except WireFormatError:
        return wire
