"""Where the google-genai SDK is seen, and who reads what passes there.

Its public methods are the operations. Automatic function calling and the continuation of long answers make several
requests inside one of them, and a chat calls those of `Models`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_refusals.reader import field, text
from otel_refusals.vendor import Chokepoint, Endpoint, Vendor
from otel_refusals.vendors._gemini_content import ContentReader

GEMINI = "gcp.gemini"
VERTEX = "gcp.vertex_ai"

_CONTENT = Endpoint("POST", "/{model}:generateContent", "generate_content", ContentReader)
_CHATS = "google.genai.chats"


def _provider(owner: Any) -> str:
    """The platform of a resource object, or of the chat that uses one."""
    client = field(owner, "_api_client") or field(owner, "_modules", "_api_client")
    return VERTEX if field(client, "vertexai") else GEMINI


def _model(owner: Any, arguments: Mapping[str, Any]) -> str | None:
    """The model's name; the SDK also takes it with its resource path, `models/...` or `projects/.../models/...`."""
    name = text(arguments, "model") or text(owner, "_model")
    return name.rpartition("/")[2] if name else None


def _content(name: str, *, stream: bool = False) -> tuple[Chokepoint, Chokepoint]:
    """A method of `Models` and its asynchronous twin."""
    return (
        Chokepoint(
            "google.genai.models",
            f"Models.{name}",
            "generator" if stream else "method",
            endpoint=_CONTENT,
            model=_model,
            part_of=_CHATS,
        ),
        Chokepoint(
            "google.genai.models",
            f"AsyncModels.{name}",
            "async_method",
            endpoint=_CONTENT,
            model=_model,
            part_of=_CHATS,
        ),
    )


VENDOR = Vendor(
    name="google_genai",
    requires="google-genai >= 1.0, < 4",
    providers=(GEMINI, VERTEX),
    provider_of=_provider,
    chokepoints=(
        *_content("generate_content"),
        *_content("generate_content_stream", stream=True),
        Chokepoint(_CHATS, "Chat.send_message", "method", endpoint=_CONTENT, model=_model),
        Chokepoint(_CHATS, "Chat.send_message_stream", "generator", endpoint=_CONTENT, model=_model),
        Chokepoint(_CHATS, "AsyncChat.send_message", "async_method", endpoint=_CONTENT, model=_model),
        Chokepoint(_CHATS, "AsyncChat.send_message_stream", "async_method", endpoint=_CONTENT, model=_model),
    ),
    endpoints=(_CONTENT,),
)
