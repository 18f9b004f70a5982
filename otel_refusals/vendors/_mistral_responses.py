"""Mistral's form of the OpenAI Responses wire: the same events, which the SDK wraps, and other errors.

The SDK decodes strictly: a nested object that it does not know becomes an `Unset` one, so the code of a failed response
may be lost. Then the response is an error, as its status says.
"""

from __future__ import annotations

from typing import ClassVar

from otel_refusals.reader import field, text
from otel_refusals.vendors._mistral_errors import error_outcome, is_error_body, undecoded
from otel_refusals.vendors._openai_responses import ResponsesReader


class MistralResponsesReader(ResponsesReader):
    """Reads a `CreateResponseResponse`, the events of a streamed one, and the errors of `/v1/responses`."""

    __slots__ = ()

    guarded: ClassVar[bool | None] = None
    """Whether the request asked for guardrails; None where that is not known."""

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is an event as the SDK wraps it; the events themselves are OpenAI's."""
        return (text(wire, "data", "type") or "").startswith("response.")

    def feed(self, wire: object, /) -> None:
        wire = undecoded(wire)
        if isinstance(wire, BaseException) or is_error_body(wire):
            self._error = error_outcome(wire, guarded=self.guarded, content=self._content)
            self.decided = True
        else:
            super().feed(field(wire, "data") or wire)
