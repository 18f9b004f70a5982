"""The registry: one line per vendor."""

from __future__ import annotations

from otel_refusals.reader import Reader
from otel_refusals.vendor import Vendor
from otel_refusals.vendors import anthropic, google_genai, openai

VENDORS: tuple[Vendor, ...] = (anthropic.VENDOR, google_genai.VENDOR, openai.VENDOR)


def reader_for(wire: object) -> Reader | None:
    """A reader for `wire`, found by its shape; None for something that no vendor sends."""
    for vendor in VENDORS:
        for endpoint in vendor.endpoints:
            if endpoint.reader.reads(wire):
                return endpoint.reader()
    return None
