"""Where the openai SDK is seen, and who reads what passes there."""

from __future__ import annotations

from otel_refusals.vendor import Chokepoint, Endpoint, Vendor, by_class
from otel_refusals.vendors._openai_chat import ChatReader
from otel_refusals.vendors._openai_decisions import DecisionsReader
from otel_refusals.vendors._openai_images import ImagesReader
from otel_refusals.vendors._openai_responses import ResponsesReader

VENDOR = Vendor(
    name="openai",
    requires="openai >= 1.40, < 4",
    providers=("openai", "azure.ai.openai", "aws.bedrock"),
    provider_of=by_class(
        "openai",
        {"BaseAzureClient": "azure.ai.openai", "BedrockOpenAI": "aws.bedrock", "AsyncBedrockOpenAI": "aws.bedrock"},
    ),
    chokepoints=(
        Chokepoint("openai._base_client", "SyncAPIClient.request", "call"),
        Chokepoint("openai._base_client", "AsyncAPIClient.request", "async_call"),
    ),
    endpoints=(
        Endpoint("POST", "/chat/completions", "chat", ChatReader),
        Endpoint("POST", "/responses", "chat", ResponsesReader, results="stored"),
        Endpoint("POST", "/completions", "text_completion", ChatReader),
        Endpoint("POST", "/decisions", "generate_content", DecisionsReader),
        Endpoint("POST", "/images/generations", "generate_content", ImagesReader),
        Endpoint("POST", "/images/edits", "generate_content", ImagesReader),
        Endpoint("POST", "/images/variations", "generate_content", ImagesReader),
        Endpoint("GET", "/responses/{id}", "chat", ResponsesReader, results="replayed"),
        Endpoint("POST", "/responses/{id}/cancel", "chat", ResponsesReader, results="replayed"),
    ),
)
