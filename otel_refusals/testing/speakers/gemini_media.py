"""The wires of Google's images and videos, where what was declined is missing from a success.

Shapes as in `google.genai.types.GenerateImagesResponse` and `GenerateVideosOperation` of google-genai 3.4. The category
and the stage stand in a support code of the message; whatever else does not decline is an image or a video.
"""

from __future__ import annotations

from typing import Any

from otel_refusals.testing.speakers.turn import Turn

_CODES: dict[str | None, tuple[str, str]] = {
    None: ("42876398", "29578790"),
    "dangerous": ("62263041", "29578790"),
    "hate": ("57734940", "22137204"),
    "prohibited_content": ("89371032", "49114662"),
    "sexual": ("90789179", "63429089"),
    "violence": ("61493863", "56562880"),
}
"""Support codes by category: of a prompt, of what was generated."""

_OF_TOMORROW = "10000000"


def images(turn: Turn) -> dict[str, Any]:
    """The answer of `predict`."""
    if turn.scenario.outcome == "refused":
        return {"predictions": [{"raiFilteredReason": _told(turn)}]}
    return {"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": "aGk="}]}


def started(turn: Turn) -> dict[str, Any]:
    """The operation of a video as it starts."""
    return {"name": f"models/{turn.model}/operations/op_{turn.id}"}


def ended(turn: Turn) -> dict[str, Any]:
    """The same when it is polled."""
    if turn.scenario.outcome == "refused":
        answer: dict[str, Any] = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": [_told(turn)]}
    else:
        answer = {"generatedSamples": [{"video": {"uri": "files/1"}}]}
    return {**started(turn), "done": True, "response": {"generateVideoResponse": answer}}


def _told(turn: Turn) -> str:
    codes = _CODES.get(turn.category(None), (_OF_TOMORROW, _OF_TOMORROW))
    return f"This was declined by a test. Support codes: {codes[turn.scenario.speaks]}"
