"""The OpenTelemetry entry points: one instrumentor per vendor, so that each can be switched off by name."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from otel_refusals.config import ConfigurationError
from otel_refusals.instrumentation import instrument, uninstrument
from otel_refusals.vendors import VENDORS

log = logging.getLogger("otel_refusals")


class _VendorInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Never instantiated itself: `BaseInstrumentor` hands the first instance out to every subclass."""

    vendor: str

    def instrumentation_dependencies(self) -> Collection[str]:
        """The supported versions of the SDK."""
        return tuple(vendor.requires for vendor in VENDORS if vendor.name == self.vendor)

    def _instrument(self, **kwargs: Any) -> None:
        kwargs.pop("skip_dep_check", None)
        kwargs.pop("raise_exception_on_conflict", None)
        try:
            instrument(vendors=[self.vendor], **kwargs)
        except ConfigurationError as error:
            # Raised from here it would stop the loader, and with it every other instrumentation of the process.
            log.error("%s is not instrumented: %s", self.vendor, error)  # noqa: TRY400 - the message says it all

    def _uninstrument(self, **_: Any) -> None:
        uninstrument([self.vendor])


class AnthropicRefusalsInstrumentor(_VendorInstrumentor):
    """Entry point `refusals_anthropic`."""

    vendor = "anthropic"


class GoogleGenAIRefusalsInstrumentor(_VendorInstrumentor):
    """Entry point `refusals_google_genai`."""

    vendor = "google_genai"


class OpenAIRefusalsInstrumentor(_VendorInstrumentor):
    """Entry point `refusals_openai`."""

    vendor = "openai"


class BotocoreRefusalsInstrumentor(_VendorInstrumentor):
    """Entry point `refusals_botocore`."""

    vendor = "botocore"


class MistralRefusalsInstrumentor(_VendorInstrumentor):
    """Entry point `refusals_mistralai`."""

    vendor = "mistralai"


class CohereRefusalsInstrumentor(_VendorInstrumentor):
    """Entry point `refusals_cohere`."""

    vendor = "cohere"


class LiteLLMRefusalsInstrumentor(_VendorInstrumentor):
    """Entry point `refusals_litellm`."""

    vendor = "litellm"
