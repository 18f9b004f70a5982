"""The OpenAI images wire."""

from __future__ import annotations

from otel_refusals.outcome import Completed, Outcome
from otel_refusals.reader import NOTHING, field, never, text
from otel_refusals.vendors._openai_errors import error_outcome, is_error_body

_PARTIAL = frozenset({"image_generation.partial_image", "image_edit.partial_image"})


class ImagesReader:
    """Reads an `ImagesResponse`, the events of a streamed one, and the errors of `/images/*`: a refused image is a
    400.
    """

    __slots__ = ("_content", "_outcome", "decided", "response_id", "response_model", "skip")

    finish_reasons: tuple[str, ...] = ()

    glance = staticmethod(never)

    def __init__(self) -> None:
        self.skip: frozenset[str] = NOTHING
        self.decided = False
        self.response_id: str | None = None
        self.response_model: str | None = None
        self._content = False
        self._outcome: Outcome | None = None

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is an images response, or an event of a streamed one."""
        kind = text(wire, "type") or ""
        return kind.startswith(("image_generation.", "image_edit.")) or (
            isinstance(field(wire, "data"), (list, tuple)) and field(wire, "created") is not None
        )

    def feed(self, wire: object, /) -> None:
        kind = text(wire, "type") or ""
        if kind in _PARTIAL:
            self._content, self.skip = True, _PARTIAL
        elif isinstance(wire, BaseException) or kind == "error" or is_error_body(wire):
            self._outcome, self.decided = error_outcome(wire, content=self._content), True
        elif kind.endswith(".completed") or (not kind and self.reads(wire)):
            self._outcome, self.decided = Completed("completed"), True

    def outcome(self) -> Outcome | None:
        return self._outcome
