"""Where the anthropic SDK is seen, and who reads what passes there."""

from __future__ import annotations

from otel_refusals.vendor import Chokepoint, Endings, Endpoint, Vendor, by_class
from otel_refusals.vendors._anthropic_messages import REFUSAL, STOP_REASONS, MessagesReader, plain_message
from otel_refusals.vendors._anthropic_sessions import SessionEventReader
from otel_refusals.vendors._batch_line import BatchLineReader

VENDOR = Vendor(
    name="anthropic",
    requires="anthropic >= 0.51, < 3",
    providers=("anthropic", "aws.bedrock", "gcp.vertex_ai"),
    provider_of=by_class(
        "anthropic",
        {"BaseBedrockClient": "aws.bedrock", "BaseMantleClient": "aws.bedrock", "BaseVertexClient": "gcp.vertex_ai"},
    ),
    chokepoints=(
        Chokepoint("anthropic._base_client", "SyncAPIClient.request", "call"),
        Chokepoint("anthropic._base_client", "AsyncAPIClient.request", "async_call"),
        Chokepoint("anthropic._base_client", "finish_api_call_span", "native_span", since="1.14"),
    ),
    endpoints=(
        Endpoint("POST", "/v1/messages", "chat", MessagesReader, plain=plain_message),
        Endpoint("POST", "/v1/complete", "text_completion", MessagesReader),
        Endpoint("GET", "/v1/messages/batches/{id}/results", "chat", BatchLineReader, results="each"),
        Endpoint("GET", "/v1/sessions/{id}/events", "chat", SessionEventReader, results="each"),
        Endpoint("GET", "/v1/sessions/{id}/events/stream", "chat", SessionEventReader, results="each"),
        Endpoint("GET", "/v1/sessions/{id}/threads/{id}/events", "chat", SessionEventReader, results="each"),
        Endpoint("GET", "/v1/sessions/{id}/threads/{id}/stream", "chat", SessionEventReader, results="each"),
    ),
    endings=(Endings(("stop_reason",), STOP_REASONS, (REFUSAL,)),),
)
