"""What was reported, in the contract's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_refusals.testing import RefusalRecorder

Attributes = Mapping[str, Any]


class Recorded(RefusalRecorder):
    """The kit's recorder, with what only our own tests ask for."""

    @property
    def outcomes(self) -> dict[str, float]:
        """How many operations ended how."""
        return self.operations

    @property
    def span(self) -> Attributes:
        """The attributes of the one span that has ended."""
        (span,) = self.spans
        return span.attributes or {}
