"""Where the google-genai SDK is seen, and who reads what passes there.

Its public methods are the operations. Automatic function calling and the continuation of long answers make several
requests inside one of them, and a chat calls those of `Models`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_refusals.reader import field, text
from otel_refusals.vendor import Chokepoint, Endings, Endpoint, Seam, Vendor
from otel_refusals.vendors._gemini_content import DECLINED, FINISH_REASONS, ContentReader, plain_content
from otel_refusals.vendors._gemini_interactions import DecisionsReader, InteractionsReader
from otel_refusals.vendors._gemini_live import TurnReader
from otel_refusals.vendors._gemini_media import ImagesReader, VideosReader
from otel_refusals.vendors._gemini_reasons import DECLINES

GEMINI = "gcp.gemini"
VERTEX = "gcp.vertex_ai"

_DECISIONS = Endpoint("POST", "/decisions", "generate_content", DecisionsReader)
_CONTENT = Endpoint(
    "POST", "/{model}:generateContent", "generate_content", ContentReader, runs_tools=True, plain=plain_content
)
_IMAGES = Endpoint("POST", "/{model}:predict", "generate_content", ImagesReader)
_VIDEOS = Endpoint("POST", "/{model}:predictLongRunning", "generate_content", VideosReader, results="stored")
_VIDEO = Endpoint("GET", "/operations/{id}", "generate_content", VideosReader, results="replayed")
_INTERACTIONS = Endpoint("POST", "/interactions", "generate_content", InteractionsReader, results="stored")
_INTERACTION = Endpoint("GET", "/interactions/{id}", "generate_content", InteractionsReader, results="replayed")
_CANCEL = Endpoint("POST", "/interactions/{id}/cancel", "generate_content", InteractionsReader, results="replayed")
_TURN = Endpoint("GET", "/BidiGenerateContent", "generate_content", TurnReader)

_CHATS = "google.genai.chats"
_GAOS = "google.genai._gaos.google_genai"
_STAINLESS = "google.genai._interactions._base_client"
_RESPONSE_MODE = "x-google-genai-response-mode"


_CLIENT = (("_api_client",), ("_modules", "_api_client"), ("client_adapter", "_api_client"))
"""Where a resource, a chat, and the client of interactions in 1.55 to 2.x keep the SDK's own client."""


def _provider(owner: Any) -> str:
    """The platform of the object whose method is called."""
    for path in _CLIENT:
        client = field(owner, *path)
        if client is not None:
            return VERTEX if field(client, "vertexai") else GEMINI
    # What is generated since 3.0 keeps no client; only Vertex AI's paths have a project in them.
    version = text(owner, "sdk_configuration", "globals", "api_version")
    return VERTEX if "/projects/" in (version or "") else GEMINI


def _model(owner: Any, arguments: Mapping[str, Any]) -> str | None:
    """The model's name; the SDK also takes it with its resource path, `models/...` or `projects/.../models/...`."""
    name = text(arguments, "model") or text(arguments, "request", "body", "model") or text(owner, "_model")
    return name.rpartition("/")[2] if name else None


def _polled_model(_: Any, arguments: Mapping[str, Any]) -> str | None:
    """The model in the name of its operation, `.../models/MODEL/operations/ID`."""
    parts = (text(arguments, "operation", "name") or "").split("/")
    return parts[parts.index("models") + 1] if "models" in parts[:-1] else None


def _polled(arguments: Mapping[str, Any]) -> Endpoint | None:
    return _VIDEO if VideosReader.reads(arguments.get("operation")) else None


def _parsed(endpoint: Endpoint) -> Any:
    """`endpoint`, but for a call of this part of the SDK that wants its response unparsed: such a one is left alone."""

    def choose(arguments: Mapping[str, Any]) -> Endpoint | None:
        return None if _RESPONSE_MODE in (arguments.get("extra_headers") or ()) else endpoint

    return choose


def _pair(module: str, name: str, endpoint: Any, seam: Seam = "method", **more: Any) -> tuple[Chokepoint, Chokepoint]:
    """A method, and its twin on the asynchronous class."""
    more = {"endpoint": endpoint, "model": _model, **more}
    return Chokepoint(module, name, seam, **more), Chokepoint(module, f"Async{name}", "async_method", **more)


VENDOR = Vendor(
    name="google_genai",
    requires="google-genai >= 1.0, < 4",
    providers=(GEMINI, VERTEX),
    provider_of=_provider,
    chokepoints=(
        *_pair(_GAOS, "GeminiNextGenInteractions.create", _parsed(_INTERACTIONS), since="3.0", items="generator"),
        *_pair(_GAOS, "GeminiNextGenInteractions.get", _parsed(_INTERACTION), since="3.0", items="generator"),
        *_pair(_GAOS, "GeminiNextGenInteractions.cancel", _parsed(_CANCEL), since="3.0"),
        *_pair(_GAOS, "GeminiNextGenDecisions.create", _parsed(_DECISIONS), since="3.1"),
        *_pair("google.genai.models", "Models.generate_content", _CONTENT, part_of=_CHATS),
        *_pair("google.genai.models", "Models.generate_content_stream", _CONTENT, "generator", part_of=_CHATS),
        *_pair("google.genai.models", "Models.generate_images", _IMAGES),
        *_pair("google.genai.models", "Models.edit_image", _IMAGES),
        *_pair("google.genai.models", "Models.upscale_image", _IMAGES),
        *_pair("google.genai.models", "Models.recontext_image", _IMAGES, since="1.29"),
        *_pair("google.genai.models", "Models.generate_videos", _VIDEOS, since="1.3"),
        *_pair("google.genai.operations", "Operations.get", _polled, since="1.4", model=_polled_model),
        *_pair(_CHATS, "Chat.send_message", _CONTENT),
        *_pair(_CHATS, "Chat.send_message_stream", _CONTENT, "generator"),
        Chokepoint("google.genai.live", "AsyncSession.receive", "generator", endpoint=_TURN, model=_model),
        Chokepoint(_STAINLESS, "SyncAPIClient.request", "call", since="1.55"),
        Chokepoint(_STAINLESS, "AsyncAPIClient.request", "async_call", since="1.55"),
    ),
    endpoints=(_DECISIONS, _TURN, _CONTENT, _IMAGES, _VIDEOS, _VIDEO, _INTERACTIONS, _INTERACTION, _CANCEL),
    endings=(
        Endings(("finish_reason", "finishReason"), FINISH_REASONS, ("SAFETY", *sorted(DECLINED - {"SAFETY"}))),
        Endings(("block_reason", "blockReason"), {}, tuple(DECLINES)),
    ),
)
