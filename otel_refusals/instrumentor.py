"""The OpenTelemetry entry points: one instrumentor per vendor, so that each can be switched off by name."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from otel_refusals.instrumentation import instrument, uninstrument
from otel_refusals.vendors import VENDORS


class _VendorInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Never instantiated itself: `BaseInstrumentor` hands the first instance out to every subclass."""

    vendor: str

    def instrumentation_dependencies(self) -> Collection[str]:
        """The supported versions of the SDK."""
        return tuple(vendor.requires for vendor in VENDORS if vendor.name == self.vendor)

    def _instrument(self, **kwargs: Any) -> None:
        kwargs.pop("skip_dep_check", None)
        kwargs.pop("raise_exception_on_conflict", None)
        instrument(vendors=[self.vendor], **kwargs)

    def _uninstrument(self, **_: Any) -> None:
        uninstrument([self.vendor])


class AnthropicRefusalsInstrumentor(_VendorInstrumentor):
    """Entry point `refusals_anthropic`."""

    vendor = "anthropic"


class OpenAIRefusalsInstrumentor(_VendorInstrumentor):
    """Entry point `refusals_openai`."""

    vendor = "openai"
