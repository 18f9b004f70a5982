"""Bounded label values: what a server or a caller sends must not be able to grow the series of a metric."""

from __future__ import annotations

import re

OTHER = "_OTHER"
"""What stands for a value past the cap or of a hostile shape, as the semantic conventions spell it."""

_ALLOWED = re.compile(r"[A-Za-z0-9_.:/@-]{1,64}")
"""`@` is in, beyond letters, digits and `_.:/-`: every model id of Vertex AI has one."""


def is_label(value: str) -> bool:
    """Whether `value` may stand on a metric as it is."""
    return _ALLOWED.fullmatch(value) is not None


class BoundedLabels:
    """Lets the first `cap` distinct well-formed values through and answers `_OTHER` for the rest."""

    __slots__ = ("_cap", "_known")

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._known: dict[str, None] = {}

    def bound(self, value: str) -> str:
        """`value` itself while it is known or there is room for it, else `_OTHER`."""
        known = self._known
        if value in known:
            return value
        # Two threads may both find room for the last place: the cap may be passed by a value or two, never by more.
        if len(known) >= self._cap or not is_label(value):
            return OTHER
        known[value] = None
        return value
