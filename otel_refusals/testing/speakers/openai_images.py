"""The wire of OpenAI's images, whose refusals are errors: status 400, or an event after a partial image.

Shapes as in `openai.types.ImagesResponse` and `ImageGenStreamEvent` of openai 3.54. There is no reason for an end:
whatever does not decline is an image.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otel_refusals.testing.speakers.openai_chat import CREATED
from otel_refusals.testing.speakers.turn import Turn

_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def images(turn: Turn) -> dict[str, Any]:
    """The whole answer, or the error that is there instead."""
    if turn.scenario.outcome == "refused":
        return _error(turn)
    return {"created": CREATED, "data": [{"b64_json": _PIXEL}], "usage": _usage(turn)}


def image_events(turn: Turn) -> Iterator[dict[str, Any]]:
    """The stream of the same."""
    shown = {"b64_json": _PIXEL, "created_at": CREATED, "background": "opaque", "output_format": "png"}
    shown |= {"quality": "low", "size": "1024x1024"}
    if turn.scenario.speaks:
        yield {"type": "image_generation.partial_image", "partial_image_index": 0, **shown}
    if turn.scenario.outcome == "refused":
        yield {"type": "error", **_error(turn)}
        return
    yield {"type": "image_generation.completed", **shown, "usage": _usage(turn)}


def _error(turn: Turn) -> dict[str, Any]:
    category = turn.category(None)
    named = f" safety_violations=[{category}]." if category else ""
    message = f"This request was declined by a test.{named}"
    error = {"type": "image_generation_user_error", "code": "moderation_blocked", "message": message, "param": None}
    return {"error": error}


def _usage(turn: Turn) -> dict[str, Any]:
    into, out = turn.input_tokens, 272
    details = {"image_tokens": 0, "text_tokens": into}
    return {"input_tokens": into, "input_tokens_details": details, "output_tokens": out, "total_tokens": into + out}
