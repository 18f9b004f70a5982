"""Reads what vendors answer to LiteLLM: each answer by the vendor's own reader, found by provider and shape.

LiteLLM maps every stop reason to a few of OpenAI's, and loses categories on the way. So what it says itself is read
last, where nobody knows the wire of the vendor, and its exception for a declined request where the error body told
nothing.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from otel_refusals.outcome import Completed, Outcome, Paused, Refusal, Refused, Rescued, ToolCall, Truncated
from otel_refusals.reader import MAX_TRACKED, NOTHING, Reader
from otel_refusals.vendor import ReaderType

_DECLINED = "ContentPolicyViolationError"
"""LiteLLM's exception for a request that a vendor's policy or filter declined."""


@lru_cache(64)
def _readers(provider: str) -> tuple[ReaderType, ...]:
    """The readers of answers, those of the provider's vendors first."""
    from otel_refusals.vendors import VENDORS  # this one is among them

    vendors = sorted(VENDORS, key=lambda vendor: provider not in vendor.providers)
    return tuple(end.reader for vendor in vendors for end in vendor.endpoints if end.results != "each")


def _reader_for(wire: object, provider: str) -> Reader | None:
    return next((reader() for reader in _readers(provider) if reader.reads(wire)), None)


class RelayReader:
    """Reads the answers to one call through LiteLLM, retries and fallbacks to other models included."""

    __slots__ = (
        "_declined",
        "_earlier",
        "_failed",
        "_provider",
        "_reader",
        "decided",
        "response_id",
        "response_model",
        "skip",
    )

    def __init__(self) -> None:
        self._provider = ""
        self._reader: Reader | None = None
        self._declined = self._failed = False
        self._earlier: Refused | None = None
        self._show()

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is an exception of LiteLLM's. Its answers have the shape of OpenAI's, and are read so."""
        return isinstance(wire, BaseException) and type(wire).__module__.partition(".")[0] == "litellm"

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        return () if self._reader is None else self._reader.finish_reasons

    def glance(self, item: Any, /) -> bool:
        return self._reader is not None and self._reader.glance(item)

    def attempt(self, provider: str) -> None:
        """Another request is made, to `provider`; what the last one was answered stays as far as it was a decline."""
        outcome = self.outcome()
        if isinstance(outcome, Refused) and len(outcome.refusals) < MAX_TRACKED:
            self._earlier = outcome
        self._provider, self._reader, self._declined, self._failed = provider, None, False, False
        self._show()

    def error_body(self, wire: object) -> None:
        """Read an error answer, for a decline only: of a mere error, LiteLLM's exception will tell more."""
        reader = _reader_for(wire, self._provider)
        if reader is not None:
            reader.feed(wire)
            if isinstance(reader.outcome(), Refused):
                self._reader = reader
                self._show()

    def feed(self, wire: object, /) -> None:
        if isinstance(wire, BaseException):
            self._failed = True
            self._declined = any(cls.__name__ == _DECLINED for cls in type(wire).__mro__)
        else:
            if self._reader is None:
                self._reader = _reader_for(wire, self._provider)
            if self._reader is not None:
                self._reader.feed(wire)
        self._show()

    def outcome(self) -> Outcome | None:
        found, earlier = self._last(), self._earlier
        if earlier is None:
            return found
        match found:
            case Refused() | Rescued():
                return _after(earlier, found)
            case Completed() | Truncated() | ToolCall() | Paused():
                return Rescued(
                    refusals=earlier.refusals,
                    deciding=earlier.deciding,
                    rescued_by=self.response_model,
                    signal=found.signal,
                    discarded_input_tokens=earlier.discarded_input_tokens,
                    discarded_output_tokens=earlier.discarded_output_tokens,
                )
            case _:
                return earlier if self._failed else found

    def _show(self) -> None:
        """What the reader of the last answer shows."""
        reader = self._reader
        self.skip: frozenset[str] = NOTHING if reader is None else reader.skip
        self.decided = self._declined or (reader is not None and reader.decided)
        self.response_id: str | None = None if reader is None else reader.response_id
        self.response_model: str | None = None if reader is None else reader.response_model

    def _last(self) -> Outcome | None:
        """How the last request was answered."""
        if self._reader is not None and self._reader.decided:
            return self._reader.outcome()
        if self._declined:
            declined = Refusal(category="unspecified", stage="unknown", source="unknown", signal=_DECLINED)
            return Refused(refusals=(declined,))
        return None if self._reader is None else self._reader.outcome()


def _after(earlier: Refused, found: Refused | Rescued) -> Refused | Rescued:
    """`found`, with the declines of the requests before it."""
    return replace(
        found,
        refusals=earlier.refusals + found.refusals,
        deciding=len(earlier.refusals) + found.deciding % len(found.refusals),
        discarded_input_tokens=_sum(earlier.discarded_input_tokens, found.discarded_input_tokens),
        discarded_output_tokens=_sum(earlier.discarded_output_tokens, found.discarded_output_tokens),
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
