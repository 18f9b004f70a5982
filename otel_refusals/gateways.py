"""Who serves the model at an address: many speak OpenAI's or Anthropic's wire.

Names are the well-known values of `gen_ai.provider.name` in OpenTelemetry's GenAI conventions where they have one, and
else the company's own, in that spelling.

The law of this module: pure. An address that it does not know stays what the SDK is made for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_refusals.reader import field

Addresses = Mapping[str, str]
"""Host, `host:port` or parent domain to provider."""

PROVIDERS: Addresses = {
    "ai.azure.com": "azure.ai.inference",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "api.anthropic.com": "anthropic",
    "api.cohere.ai": "cohere",
    "api.cohere.com": "cohere",
    "api.deepseek.com": "deepseek",
    "api.fireworks.ai": "fireworks_ai",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.openai.com": "openai",
    "api.perplexity.ai": "perplexity",
    "api.together.xyz": "together_ai",
    "api.x.ai": "x_ai",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "ml.cloud.ibm.com": "ibm.watsonx.ai",
    "openai.azure.com": "azure.ai.openai",
    "cognitiveservices.azure.com": "azure.ai.openai",
    "openrouter.ai": "openrouter",
    "127.0.0.1:11434": "ollama",
    "localhost:11434": "ollama",
}


def provider_at(url: Any, addresses: Addresses) -> str | None:
    """The provider that `addresses` names for a URL of an HTTP library; None where it names none.

    The longest part of the address decides: host and port, the host, then each of its parent domains. A regional host
    such as `us-east1-aiplatform.googleapis.com` counts as below `aiplatform.googleapis.com`.
    """
    host, port = field(url, "host"), field(url, "port")
    if not isinstance(host, str):
        return None
    host = host.lower()
    if host.endswith("-aiplatform.googleapis.com"):
        host = "aiplatform.googleapis.com"
    found = addresses.get(f"{host}:{port}") if port else None
    while found is None and host:
        found = addresses.get(host)
        host = host.partition(".")[2]
    return found
