"""The Mistral chat wire, which agents and fill-in-the-middle share: OpenAI's, but for its errors and its content."""

from __future__ import annotations

from typing import Any, ClassVar

from otel_refusals.outcome import Errored, Refused
from otel_refusals.reader import field, items, text
from otel_refusals.vendors._mistral_errors import error_outcome, is_error_body, is_exception, undecoded
from otel_refusals.vendors._openai_chat import ChatReader


class MistralChatReader(ChatReader):
    """Reads a `ChatCompletionResponse` or `FIMCompletionResponse`, their chunks, and the errors of those endpoints.

    An answer that the SDK fails to decode, because the vendor says something new in it, is read from the exception.
    """

    __slots__ = ()

    guarded: ClassVar[bool | None] = None
    """Whether the request asked for guardrails; None where that is not known."""

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is an event of the SDK's, which holds a chunk, or an error of any endpoint."""
        return is_exception(wire) or is_error_body(wire) or bool(items(wire, "data", "choices"))

    def feed(self, wire: object, /) -> None:
        wire = undecoded(wire)
        if isinstance(wire, BaseException) or is_error_body(wire):
            self._read_error(wire)
        else:
            super().feed(field(wire, "data") or wire)

    def glance(self, event: Any, /) -> bool:
        try:
            (choice,) = event.data.choices
            return choice.finish_reason is None and self._choices[choice.index].content
        except Exception:  # of another shape than the SDK's event of one choice: read it properly
            return False

    @staticmethod
    def _is_content(part: object) -> bool:
        return bool(field(part, "tool_calls")) or is_content(field(part, "content"))

    def _error_outcome(self, wire: object, *, content: bool) -> Refused | Errored:
        return error_outcome(wire, guarded=self.guarded, content=content)


def is_content(content: object) -> bool:
    """Whether the model produced something: text, or chunks of which one is not empty."""
    if not isinstance(content, (list, tuple)):
        return bool(content)
    return any(_is_filled(chunk) for chunk in content)


def _is_filled(chunk: object) -> bool:
    kind = text(chunk, "type")
    if kind == "text":
        return bool(field(chunk, "text"))
    if kind == "thinking":
        return any(field(part, "text") for part in items(chunk, "thinking"))
    return kind is not None  # a reference, an image, a file
