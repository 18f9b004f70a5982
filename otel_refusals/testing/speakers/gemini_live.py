"""The messages of Google's Live sessions, in text: one turn of the model for what ends a turn of the user.

Shapes as in `google.genai.types.LiveServerMessage` of google-genai 3.4. A turn that is declined says so by its reason,
which is the category as well. Nobody listens here to what is spoken: a turn of audio ends by the message that says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from otel_refusals.testing.speakers.turn import NotSpokenError, Turn

_Message = dict[str, Any]

_OF_INPUT: dict[str | None, str] = {
    None: "INPUT_OTHER",
    "prohibited_content": "PROHIBITED_INPUT_CONTENT",
    "image": "IMAGE_PROHIBITED_INPUT_CONTENT",
    "sexual": "INPUT_TEXT_NCII_PROHIBITED",
    "copyright": "INPUT_IP_PROHIBITED",
    "blocklist": "BLOCKLIST",
}
_OF_OUTPUT: dict[str | None, str] = {
    None: "GENERATED_CONTENT_SAFETY",
    "prohibited_content": "GENERATED_CONTENT_PROHIBITED",
    "image": "GENERATED_IMAGE_SAFETY",
    "copyright": "OUTPUT_IMAGE_IP_PROHIBITED",
    "blocklist": "GENERATED_CONTENT_BLOCKLIST",
}
"""The reason of a turn that was declined, by category: for what was asked, and for what was generated."""

_ENDS_AUDIO = ("activityEnd", "audioStreamEnd")


def asks(message: Mapping[str, Any]) -> bool:
    """Whether the model's turn follows `message`, whose outermost names the SDK writes in snake case."""
    said = message.get("client_content") or message.get("clientContent") or {}
    heard = message.get("realtime_input") or message.get("realtimeInput") or {}
    if said.get("turnComplete") or heard.get("text") or any(name in heard for name in _ENDS_AUDIO):
        return True
    return "tool_response" in message or "toolResponse" in message


def setup_of(first: Mapping[str, Any]) -> Mapping[str, Any]:
    """How a session is configured by its first message."""
    setup: Mapping[str, Any] = first.get("setup") or {}
    return setup


def model_of(message: Mapping[str, Any], first: Mapping[str, Any], _: str) -> str:
    """The model of the session, without its resource path."""
    setup = setup_of(message) or setup_of(first)
    return str(setup.get("model") or "").rpartition("/")[2]


def acknowledgement(message: Mapping[str, Any] | None) -> Iterator[_Message]:
    """What the session says to a message before the model's turn: only its configuration is confirmed."""
    if message and "setup" in message:
        yield {"setupComplete": {}}


def events(turn: Turn) -> Iterator[_Message]:
    """One turn of the model.

    Raises:
        NotSpokenError: for a truncated turn, and for a category that no reason stands for.
    """
    reason = _reason(turn)
    for part in _parts(turn):
        yield {"serverContent": {"modelTurn": {"role": "model", "parts": [part]}}}
    if turn.calls_tool:
        cut = turn.scenario.outcome != "tool_call"
        call = {"id": f"call_{turn.id}", "name": turn.tool, "args": {} if cut else json.loads("".join(turn.arguments))}
        yield {"toolCall": {"functionCalls": [call]}}
        if not cut:  # the turn goes on when the tool has answered
            return
    into, out = turn.input_tokens, turn.output_tokens
    usage = {"promptTokenCount": into, "responseTokenCount": out, "totalTokenCount": into + out}
    ended = {"turnComplete": True} | ({"turnCompleteReason": reason} if reason else {})
    if reason is None:
        yield {"serverContent": {"generationComplete": True}}
    yield {"serverContent": ended, "usageMetadata": usage}


def _parts(turn: Turn) -> Iterator[dict[str, Any]]:
    for piece in turn.thinking:
        yield {"text": piece, "thought": True}
    for piece in turn.text:
        yield {"text": piece}


def _reason(turn: Turn) -> str | None:
    match turn.scenario.outcome:
        case "refused":
            reasons = _OF_OUTPUT if turn.scenario.speaks else _OF_INPUT
            category = turn.category("prohibited_content")
            if turn.scenario.source == "model":
                return "RESPONSE_REJECTED"
            if category in reasons:
                return reasons[category]
            known = ", ".join(filter(None, reasons))
            raise NotSpokenError(f"a Live turn of Google has no reason for category={category!r}; there are {known}")
        case "truncated":
            raise NotSpokenError("a Live turn of Google has no reason for being truncated")
        case "unknown":
            return turn.scenario.stop_reason.upper()
        case _:
            return None
