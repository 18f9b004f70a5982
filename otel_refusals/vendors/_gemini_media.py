"""The wires of images (Imagen) and videos (Veo): what a safety filter took out is missing from a success."""

from __future__ import annotations

import re

from otel_refusals.outcome import Completed, Outcome, Paused, Refusal, Refused
from otel_refusals.reader import MAX_TRACKED, NOTHING, field, items, never, number, text
from otel_refusals.vendors._gemini_errors import error_outcome, filtered, is_error
from otel_refusals.vendors._gemini_reasons import member

_OPERATION = re.compile(r"(^|/)models/[^/]+/operations/[^/]+$")


class ImagesReader:
    """Reads a `GenerateImagesResponse`, or the `predictions` of its wire.

    Each filtered image has a `raiFilteredReason`, where the caller asked for it. Otherwise it is left out without a
    word: an answer of no image at all does not say how it ended.
    """

    __slots__ = ("_outcome", "decided", "response_id", "response_model", "skip")

    finish_reasons: tuple[str, ...] = ()

    glance = staticmethod(never)

    def __init__(self) -> None:
        self.skip: frozenset[str] = NOTHING
        self.decided = False
        self.response_id: str | None = None
        self.response_model: str | None = None
        self._outcome: Outcome | None = None

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` lists images."""
        return isinstance(_images(wire), (list, tuple))

    def feed(self, wire: object, /) -> None:
        if isinstance(wire, BaseException) or is_error(wire):
            self._outcome = error_outcome(wire)
        elif self.reads(wire):
            images = items(_images(wire))[:MAX_TRACKED]
            reasons = [text(member(image, "rai_filtered_reason")) for image in images]
            refusals = tuple(filtered(reason, "rai_filtered_reason") for reason in reasons if reason)
            self._outcome = _refused(refusals) if refusals else Completed("predictions") if images else None
        self.decided = self._outcome is not None

    def outcome(self) -> Outcome | None:
        return self._outcome


class VideosReader:
    """Reads a `GenerateVideosOperation`, which is polled until it is done, or its wire.

    What was filtered is counted in the response of a finished operation; a prompt that is refused is its error.
    """

    __slots__ = ("_outcome", "decided", "response_id", "response_model", "skip")

    finish_reasons: tuple[str, ...] = ()

    glance = staticmethod(never)

    def __init__(self) -> None:
        self.skip: frozenset[str] = NOTHING
        self.decided = False
        self.response_id: str | None = None
        self.response_model: str | None = None
        self._outcome: Outcome | None = None

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is the operation of a model."""
        return _OPERATION.search(text(wire, "name") or "") is not None

    def feed(self, wire: object, /) -> None:
        if self.reads(wire):
            self.response_id = text(wire, "name")
            self._outcome = _ended(wire)
        elif isinstance(wire, BaseException) or is_error(wire):
            self._outcome = error_outcome(wire)
        self.decided = self._outcome is not None

    def outcome(self) -> Outcome | None:
        return self._outcome


def _images(wire: object) -> object:
    images = field(wire, "predictions")
    return member(wire, "generated_images") if images is None else images


def _ended(operation: object) -> Outcome | None:
    if field(operation, "done") is not True:
        return Paused("running")
    if field(operation, "error"):
        return error_outcome(operation)
    response = field(operation, "response") or field(operation, "result")
    response = member(response, "generate_video_response") or response
    reasons = [reason for reason in items(member(response, "rai_media_filtered_reasons")) if isinstance(reason, str)]
    count = max(number(member(response, "rai_media_filtered_count")) or 0, len(reasons))
    if count:
        told = [reasons[index] if index < len(reasons) else "" for index in range(min(count, MAX_TRACKED))]
        return _refused(tuple(filtered(reason, "rai_media_filtered") for reason in told))
    videos = any(items(member(response, name)) for name in ("generated_videos", "generated_samples", "videos"))
    return Completed("done") if videos else None


def _refused(refusals: tuple[Refusal, ...]) -> Refused:
    return Refused(refusals=refusals)
