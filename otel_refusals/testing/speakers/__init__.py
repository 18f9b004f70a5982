"""Every vendor's wire, spoken: a request and a scenario become the reply that the vendor would send.

The law of this package: it knows wires, imports no SDK, and tells a vendor by what is on the wire.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from otel_refusals.testing import event_stream
from otel_refusals.testing.scenario import Scenario
from otel_refusals.testing.speakers import (
    anthropic_batches,
    anthropic_messages,
    bedrock,
    bedrock_models,
    cohere_chat,
    cohere_generate,
    gemini,
    gemini_interactions,
    gemini_media,
    mistral,
    mistral_conversations,
    openai_chat,
    openai_decisions,
    openai_images,
    openai_responses,
    openai_videos,
    sockets,
)
from otel_refusals.testing.speakers.turn import Turn
from otel_refusals.testing.stub import Reply, Request

Framing = Literal["json", "sse", "sse_data", "sse_done", "lines", "frames", "chunk_frames"]
"""How the items of an answer travel: one JSON body; server-sent events with their type, without, without and with
`[DONE]` at the end; one JSON a line; the frames of AWS, of events or of `chunk`s that hold events."""

_Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Wire:
    """One route: who answers there in one piece, who in a stream, and how that travels.

    Args:
        vendor: The SDK that calls it, where the request does not say; empty where the path may be anyone's.
        path: The end of the path; a group `model` is the model that is asked, a group `id` what is asked for again.
        whole: Makes an answer in one piece; None where the route always streams.
        events: Makes a stream; None where the route never does.
        framing: How the items of a stream travel.
        rejects: The status by which a refusal is an error, but for one in the middle of a stream; 0 where it is none.
        method: HTTP method.
        asks: Whether it wants an answer of a model, which can be declined.
    """

    vendor: str
    path: re.Pattern[str]
    whole: Callable[[Turn], _Item] | None
    events: Callable[[Turn], Iterator[_Item]] | None = None
    framing: Framing = "sse_done"
    rejects: int = 0
    method: str = "POST"
    asks: bool = True


def _wire(vendor: str, path: str, *how: Any, **more: Any) -> _Wire:
    return _Wire(vendor, re.compile(path + "$"), *how, **more)


_MESSAGES = (anthropic_messages.message, anthropic_messages.message_events, "sse")
_IMAGES = (openai_images.images, openai_images.image_events, "sse", 400)
_CONVERSATION = (mistral_conversations.conversation, mistral_conversations.conversation_events, "sse", 403)
_INTERACTION = (gemini_interactions.interaction, gemini_interactions.interaction_events, "sse_data")
_RESPONSE = (openai_responses.response, openai_responses.response_events, "sse")
_MODEL = r"/model/(?P<model>[^/]+)/"
_BATCH = r"/v1/messages/batches/(?P<id>[^/]+)"
_WIRES = (
    _wire("anthropic", r"/v1/messages", *_MESSAGES),
    _wire("anthropic", r"/models/(?P<model>[^/:]+):(rawPredict|streamRawPredict)", *_MESSAGES),
    _wire("anthropic", _BATCH, anthropic_batches.batch, method="GET", asks=False),
    _wire("anthropic", _BATCH + "/results", None, anthropic_batches.results, "lines", method="GET"),
    _wire("botocore", _MODEL + "invoke", bedrock_models.body),
    _wire("botocore", _MODEL + "invoke-with-response-stream", None, bedrock_models.chunks, "chunk_frames"),
    _wire("botocore", _MODEL + "converse", bedrock.converse),
    _wire("botocore", _MODEL + "converse-stream", None, bedrock.converse_events, "frames"),
    _wire("botocore", r"/guardrail/[^/]+/version/[^/]+/apply", bedrock.guardrail),
    _wire("google_genai", r"models/(?P<model>[^/:]+):generateContent", gemini.content),
    _wire("google_genai", r"models/(?P<model>[^/:]+):streamGenerateContent", None, gemini.content_chunks, "sse_data"),
    _wire("google_genai", r"models/(?P<model>[^/:]+):predict", gemini_media.images),
    _wire("google_genai", r"models/(?P<model>[^/:]+):predictLongRunning", gemini_media.started),
    _wire("", r"models/(?P<model>[^/]+)/operations/(?P<id>[^/]+)", gemini_media.ended, method="GET"),
    _wire("", r"/interactions", *_INTERACTION),
    _wire("", r"/interactions/(?P<id>[^/]+)", *_INTERACTION, method="GET"),
    _wire("", r"/interactions/(?P<id>[^/]+)/cancel", gemini_interactions.interaction),
    _wire("cohere", r"/v2/chat", cohere_chat.chat, cohere_chat.chat_events, "sse"),
    _wire("cohere", r"/v1/chat", cohere_chat.chat_v1, cohere_chat.chat_v1_events, "lines"),
    _wire("cohere", r"/v1/generate", cohere_generate.generations, cohere_generate.generation_events, "lines"),
    _wire("mistralai", r"/v1/(agents|fim)/completions", mistral.completion, mistral.completion_chunks),
    _wire("", r"/v1/conversations(/[^/]+(/restart)?)?", *_CONVERSATION),
    _wire("openai", r"/chat/completions", openai_chat.completion, openai_chat.completion_chunks),
    _wire("openai", r"/completions", openai_chat.legacy, openai_chat.legacy_chunks),
    _wire("openai", r"/responses", *_RESPONSE),
    _wire("", r"/responses/(?P<id>[^/]+)", *_RESPONSE, method="GET"),
    _wire("", r"/responses/(?P<id>[^/]+)/cancel", openai_responses.response),
    _wire("openai", r"/decisions", openai_decisions.decision),
    _wire("openai", r"/images/(generations|edits|variations)", *_IMAGES),
    _wire("", r"/videos(/edits|/extensions|/[^/]+/remix)?", openai_videos.queued),
    _wire("", r"/videos/(?P<id>[^/]+)", openai_videos.video, method="GET"),
)
_SAME_PATH: dict[tuple[str | None, Any], _Wire] = {
    ("mistralai", openai_chat.completion): _wire("", r"", mistral.completion, mistral.completion_chunks),
    ("google_genai", openai_decisions.decision): _wire("", r"", gemini_interactions.decision),
}
"""Who answers otherwise than OpenAI on a path of its, by the SDK that calls."""

_AGENTS = {"mistral": "mistralai", "google-genai": "google_genai", "anthropic": "anthropic", "openai": "openai"} | {
    "cohere": "cohere",
    "boto": "botocore",
}
"""A word of the user agent that an SDK sends, and which SDK that is."""


def vendor_of(request: Request) -> str | None:
    """Which SDK makes `request`: by the name that it gives itself, else by the path; None for any other call."""
    agent = request.headers.get("user-agent", "").lower()
    path = urlsplit(request.path).path
    named = next((vendor for word, vendor in _AGENTS.items() if word in agent), None)
    if named == "botocore":  # it calls many services
        return "botocore" if re.match(r"/(model|guardrail)/", path) else None
    if named is not None or request.on_socket:  # the paths of sockets are anyone's
        return named
    wire = _wire_of(request)
    return wire.vendor or None if wire else None


def answer(request: Request, scenario: Scenario, pace: float = 0.0) -> Reply | None:
    """What the vendor answers to `request` when `scenario` is played; None for a call that is not known here.

    Args:
        request: What an SDK sent.
        scenario: How the answer is to end.
        pace: Seconds before each item of a stream.

    Raises:
        NotSpokenError: for a model family whose wire is not spoken here, or a scenario that has no form on the wire.
    """
    if request.on_socket:
        events = sockets.events(request, scenario)
        return None if events is None else Reply(_paced((json.dumps(event).encode() for event in events), pace))
    wire = _wire_of(request)
    if wire is None:
        return None
    body = request.json if isinstance(request.json, dict) else {}
    name = _found(request, wire).get("id", "")
    turn = Turn(scenario, body, _model(request, wire), name.partition("_")[2] or name)
    if wire.vendor == "openai":
        wire = _SAME_PATH.get((vendor_of(request), wire.whole), wire)
    streamed = bool(body.get("stream")) or bool(_STREAMED.search(request.path))
    rejected = wire.rejects and scenario.outcome == "refused" and not (streamed and scenario.speaks)
    if wire.events is None or (wire.whole is not None and (rejected or not streamed)):
        assert wire.whole is not None
        return Reply(json.dumps(wire.whole(turn)).encode(), wire.rejects if rejected else 200)
    items: Iterable[bytes] = _framed(wire.events(turn), wire.framing)
    return Reply(_paced(items, pace), content_type=_CONTENT_TYPES.get(wire.framing, "text/event-stream"))


_STREAMED = re.compile(r":streamRawPredict$|[?&]stream=true\b")
"""Where the address says that a stream is wanted, and the body does not."""

_CONTENT_TYPES = {
    "frames": event_stream.CONTENT_TYPE,
    "chunk_frames": event_stream.CONTENT_TYPE,
    "lines": "application/stream+json",
}


def model_of(request: Request) -> str:
    """The model that `request` asks, empty where it names none."""
    if request.on_socket:
        return sockets.model_of(request)
    wire = _wire_of(request)
    return _model(request, wire) if wire else ""


def asks(request: Request) -> bool:
    """Whether `request` wants an answer of a model: nearly every call does, of the messages on a WebSocket some."""
    if request.on_socket:
        return sockets.asks(request)
    wire = _wire_of(request)
    return wire is None or wire.asks


def as_sent(request: Request, reply: Reply) -> Reply:
    """`reply` as it travels: on a WebSocket, what a server would send as a body comes in messages."""
    return sockets.in_messages(request, reply) if request.on_socket else reply


def _wire_of(request: Request) -> _Wire | None:
    path = urlsplit(request.path).path
    return next((wire for wire in _WIRES if wire.method == request.method and wire.path.search(path)), None)


def _found(request: Request, wire: _Wire) -> dict[str, str]:
    found = wire.path.search(urlsplit(request.path).path)
    return {name: part for name, part in found.groupdict().items() if part} if found else {}


def _model(request: Request, wire: _Wire) -> str:
    in_path = _found(request, wire).get("model")
    body = request.json if isinstance(request.json, dict) else {}
    return unquote(in_path) if in_path else str(body.get("model") or body.get("agent_id") or "")


def _framed(items: Iterable[_Item], framing: Framing) -> Iterator[bytes]:
    for item in items:
        match framing:
            case "frames":
                yield event_stream.frame(item)
            case "chunk_frames":
                yield event_stream.frame({"chunk": {"bytes": item}})
            case "lines":
                yield json.dumps(item).encode() + b"\n"
            case "sse":
                yield f"event: {item['type']}\ndata: {json.dumps(item)}\n\n".encode()
            case _:
                yield f"data: {json.dumps(item)}\n\n".encode()
    if framing == "sse_done":
        yield b"data: [DONE]\n\n"


def _paced(items: Iterable[bytes], pace: float) -> Iterator[bytes]:
    for item in items:
        if pace:
            time.sleep(pace)
        yield item
