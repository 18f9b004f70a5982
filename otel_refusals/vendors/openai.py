"""Where the openai SDK is seen, and who reads what passes there."""

from __future__ import annotations

from otel_refusals.vendor import Chokepoint, Endings, Endpoint, Vendor, by_class
from otel_refusals.vendors._openai_chat import FINISH_REASONS, ChatReader, plain_completion
from otel_refusals.vendors._openai_decisions import DecisionsReader
from otel_refusals.vendors._openai_errors import CONTENT_FILTER
from otel_refusals.vendors._openai_images import ImagesReader
from otel_refusals.vendors._openai_responses import INCOMPLETE_REASONS, ResponsesReader, plain_response
from otel_refusals.vendors._openai_sockets import REALTIME, live_frame, realtime_frame, responses_frame, sockets
from otel_refusals.vendors._openai_turns import TurnReader
from otel_refusals.vendors._openai_videos import VideosReader

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
        *sockets("openai.resources.responses.responses", "ResponsesConnection", "2.22", responses_frame),
        *sockets("openai.resources.beta.responses.responses", "ResponsesConnection", "3.10", responses_frame),
        *sockets("openai.resources.realtime.realtime", "RealtimeConnection", "1.107", realtime_frame),
        *sockets("openai.resources.beta.realtime.realtime", "RealtimeConnection", "1.58", realtime_frame),
        *sockets("openai.resources.live.live", "LiveConnection", "3.30", live_frame),
        *sockets("openai.resources.live.sideband", "SidebandConnection", "3.30", live_frame),
        *sockets("openai.resources.live.forks", "ForksConnection", "3.30", live_frame),
    ),
    endpoints=(
        REALTIME,
        Endpoint("POST", "/chat/completions", "chat", ChatReader, plain=plain_completion),
        Endpoint("POST", "/responses", "chat", ResponsesReader, results="stored", plain=plain_response),
        Endpoint("POST", "/completions", "text_completion", ChatReader),
        Endpoint("POST", "/decisions", "generate_content", DecisionsReader),
        Endpoint("POST", "/images/generations", "generate_content", ImagesReader),
        Endpoint("POST", "/images/edits", "generate_content", ImagesReader),
        Endpoint("POST", "/images/variations", "generate_content", ImagesReader),
        Endpoint("POST", "/videos", "generate_content", VideosReader, results="stored"),
        Endpoint("POST", "/videos/edits", "generate_content", VideosReader, results="stored"),
        Endpoint("POST", "/videos/extensions", "generate_content", VideosReader, results="stored"),
        Endpoint("POST", "/videos/{id}/remix", "generate_content", VideosReader, results="stored"),
        Endpoint("GET", "/videos/{id}", "generate_content", VideosReader, results="replayed"),
        Endpoint("POST", "/agents/sessions", "chat", TurnReader, results="each"),
        Endpoint("GET", "/agents/sessions/{id}/events", "chat", TurnReader, results="each"),
        Endpoint("GET", "/agents/sessions/{id}/turns", "chat", TurnReader, results="each"),
        Endpoint("GET", "/agents/sessions/{id}/turns/{id}", "chat", TurnReader, results="each"),
        Endpoint("GET", "/responses/{id}", "chat", ResponsesReader, results="replayed"),
        Endpoint("POST", "/responses/{id}/cancel", "chat", ResponsesReader, results="replayed"),
    ),
    endings=(
        Endings(("finish_reason",), FINISH_REASONS, (CONTENT_FILTER,)),
        Endings(("incomplete_details.reason",), INCOMPLETE_REASONS, (CONTENT_FILTER,)),
    ),
)
