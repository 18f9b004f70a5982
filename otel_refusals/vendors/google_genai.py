"""Where the google-genai SDK is seen, and who reads what passes there."""

from __future__ import annotations

from otel_refusals.vendor import Endpoint, Vendor
from otel_refusals.vendors._gemini_content import ContentReader

VENDOR = Vendor(
    name="google_genai",
    requires="google-genai >= 1.0, < 4",
    provider="gcp.gemini",
    providers={},
    chokepoints=(),
    endpoints=(Endpoint("POST", "/{model}:generateContent", "generate_content", ContentReader),),
)
