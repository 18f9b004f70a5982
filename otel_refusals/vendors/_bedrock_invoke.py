"""The wire of InvokeModel on Amazon Bedrock: a body of the model's own kind, and Bedrock's words about it.

Anthropic's bodies are read by the Anthropic reader, OpenAI's by the OpenAI reader, Nova's as the Converse wire that
they are. A guardrail speaks in members that Bedrock adds to any of them: `amazon-bedrock-guardrailAction`,
`amazon-bedrock-trace`.
"""

from __future__ import annotations

import json
from base64 import b64decode

from otel_refusals.outcome import Outcome, Unknown
from otel_refusals.reader import NOTHING, Reader, field, never, text
from otel_refusals.vendors._anthropic_messages import MessagesReader
from otel_refusals.vendors._bedrock_converse import ConverseReader
from otel_refusals.vendors._bedrock_errors import error_outcome, is_error
from otel_refusals.vendors._bedrock_guardrail import Assessments
from otel_refusals.vendors._bedrock_models import ModelsReader, Tokens, generates
from otel_refusals.vendors._openai_chat import ChatReader

ACTION = "amazon-bedrock-guardrailAction"
TRACE = "amazon-bedrock-trace"
METRICS = "amazon-bedrock-invocationMetrics"
"""A member of the last event of a stream."""

INTERVENED = frozenset({"INTERVENED", "GUARDRAIL_INTERVENED"})


class InvokeReader:
    """Reads the body of an InvokeModel response, and the chunks of a streamed one.

    Which kind of body it is, the first object with a known shape tells: a model may be named by an opaque ARN.
    """

    __slots__ = (
        "_action",
        "_assessments",
        "_body",
        "_error",
        "_tokens",
        "decided",
        "ended",
        "generates",
        "response_id",
        "response_model",
    )

    glance = staticmethod(never)
    skip = NOTHING

    def __init__(self) -> None:
        self.decided = False
        self.response_id: str | None = None
        self.response_model: str | None = None
        self.ended = False  # whether the last event of a stream was read
        self.generates = True  # whether this is an operation at all, and no embedding or ranking
        self._body: Reader | None = None
        self._action: str | None = None
        self._assessments = Assessments()
        self._tokens = Tokens()
        self._error: Outcome | None = None

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is a body that only Bedrock sends, or a chunk of a stream as the SDK hands it over."""
        has_chunk = isinstance(wire, dict) and field(wire, "chunk", "bytes") is not None
        return has_chunk or text(wire, ACTION) is not None or ModelsReader.reads(wire)

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        return self._body.finish_reasons if self._body else ()

    def feed(self, wire: object, /) -> None:
        if is_error(wire):
            if not self.decided:  # else how it ended was told before
                self._error, self.decided = error_outcome(wire), True
            return
        if isinstance(wire, dict) and "chunk" in wire:
            wire = _decoded(field(wire, "chunk", "bytes"))
        if not isinstance(wire, dict) or self._is_mere_text(wire):
            return
        self._read_guardrail(wire)
        self._tokens.read(wire)
        if self._body is None:
            self.generates = generates(wire)
            self._body = _reader_of(wire)
        self._body.feed(wire)
        self.response_id, self.response_model = self._body.response_id, self._body.response_model
        self.decided = self._body.decided or self._action is not None
        self.ended = self.decided and METRICS in wire

    def _is_mere_text(self, chunk: dict[str, object]) -> bool:
        """Whether a chunk adds only to what its reader has seen: nearly every chunk of a stream."""
        if self._body is None or not self._body.skip or ACTION in chunk:
            return False
        kind = chunk.get("type") or next(iter(chunk), None)
        return isinstance(kind, str) and kind in self._body.skip

    def _read_guardrail(self, wire: object) -> None:
        action = text(wire, ACTION)
        if action not in (None, "NONE"):
            self._action = action
        for name in ("guardrail", "guardrails"):  # the API reference has it in the plural
            self._assessments.read_trace(field(wire, TRACE, name))

    def outcome(self) -> Outcome | None:
        told = self._body.outcome() if self._body else None
        if self._action is None:
            return told or self._error
        if self._action not in INTERVENED:
            return Unknown(self._action)
        if self._assessments.only_masked:
            return told
        return self._assessments.refused(self._action, self._tokens.input, self._tokens.output)


def _reader_of(wire: object) -> Reader:
    if MessagesReader.reads(wire):
        return MessagesReader()
    if ConverseReader.reads(wire):
        return ConverseReader()
    is_openai = (text(wire, "object") or "").startswith(("chat.completion", "text_completion"))
    return ChatReader() if is_openai else ModelsReader()


def _decoded(payload: object) -> object:
    """The JSON of a chunk: in bytes, as botocore hands it over, in base64, as it is on the wire, or there already."""
    try:
        if isinstance(payload, str):
            payload = b64decode(payload)
        return json.loads(payload) if isinstance(payload, (bytes, bytearray)) else payload
    except (ValueError, RecursionError):
        return None
