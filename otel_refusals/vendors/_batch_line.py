"""One line of a batch's results, of any vendor: an envelope around the answer to one request.

Envelopes: `anthropic.types.messages.MessageBatchIndividualResponse`; OpenAI's, Azure's and Mistral's batch output
file; the Gemini API's and Vertex AI's batch predictions; Bedrock's batch inference.
"""

from __future__ import annotations

from otel_refusals.outcome import Errored, Incomplete, Outcome
from otel_refusals.reader import NOTHING, Reader, field, never, text
from otel_refusals.vendor import Endpoint, Vendor

_ANSWERS = (("result", "message"), ("response", "body"), ("response",), ("modelOutput",))
_ERRORS = (("result", "error", "error"), ("error",), ("status",))
_IDS = ("custom_id", "key", "recordId")


class BatchLineReader:
    """Reads the line's answer by the reader of its shape; a line without one says why the request had none."""

    __slots__ = (
        "_inner",
        "_outcome",
        "decided",
        "finish_reasons",
        "found",
        "line_id",
        "response_id",
        "response_model",
        "skip",
    )

    glance = staticmethod(never)

    def __init__(self) -> None:
        self.skip: frozenset[str] = NOTHING
        self.decided = False
        self.line_id: str | None = None
        self.response_id: str | None = None
        self.response_model: str | None = None
        self.finish_reasons: tuple[str, ...] = ()
        self.found: tuple[Vendor, Endpoint] | None = None
        self._inner: Reader | None = None
        self._outcome: Outcome | None = None

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is such a line."""
        if text(wire, "result", "type") is not None:
            return text(wire, "custom_id") is not None
        return isinstance(wire, dict) and ("modelOutput" in wire or ("response" in wire and _is_line(wire)))

    def feed(self, wire: object, /) -> None:
        from otel_refusals.vendors import find  # the registry holds the table that names this reader

        self.decided = True
        self.line_id = next(filter(None, (text(wire, name) for name in _IDS)), None)
        kind = text(wire, "result", "type")
        if kind == "canceled":
            self._outcome = Incomplete()
            return
        answers = [answer for path in _ANSWERS if (answer := field(wire, *path))]
        self.found = find(answers[0]) if answers else None
        if self.found is not None:
            self._inner = self.found[1].reader()
            self._inner.feed(answers[0])
            self.response_id, self.response_model = self._inner.response_id, self._inner.response_model
            self.finish_reasons = self._inner.finish_reasons
            return
        errors = [error for path in _ERRORS if (error := field(wire, *path))]
        reason = text(errors[0], "code") or text(errors[0], "type") if errors else None
        self._outcome = Errored(reason or kind or "error") if errors or kind == "expired" else None

    def outcome(self) -> Outcome | None:
        return self._inner.outcome() if self._inner else self._outcome


def _is_line(wire: object) -> bool:
    return any(text(wire, name) is not None for name in (*_IDS, "id", "status")) or field(wire, "request") is not None
