"""The registry: one line per vendor."""

from __future__ import annotations

from otel_refusals.reader import Reader
from otel_refusals.vendor import Endpoint, Vendor
from otel_refusals.vendors import anthropic, bedrock, cohere, google_genai, litellm, mistral, openai

VENDORS: tuple[Vendor, ...] = (
    cohere.VENDOR,
    bedrock.VENDOR,
    anthropic.VENDOR,
    google_genai.VENDOR,
    openai.VENDOR,
    mistral.VENDOR,
    litellm.VENDOR,
)
"""Where two would read a shape, the one that claims less comes first: on Bedrock there are bodies of all kinds."""


def find(wire: object) -> tuple[Vendor, Endpoint] | None:
    """Whose `wire` is and which endpoint sends it, found by its shape; None for something that no vendor sends."""
    for vendor in VENDORS:
        for endpoint in vendor.endpoints:
            if endpoint.reader.reads(wire):
                return vendor, endpoint
    return None


def reader_for(wire: object) -> Reader | None:
    """A reader for `wire`, found by its shape; None for something that no vendor sends."""
    found = find(wire)
    return found[1].reader() if found else None
