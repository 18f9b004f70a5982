"""Which vendor ids were already reported, in bounded memory.

The law of this module: no lock, since each step is one of the dictionary's own. The garbage collector may have an
operation reported in the middle of another, and a fork would leave a lock of another thread's held for good.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from typing import Literal

from otel_refusals.outcome import Incomplete, Outcome, Paused


class Seen:
    """Remembers the newest `limit` ids; an id older than that counts as new again.

    As many as the largest batch has lines: 100,000 at Anthropic. Kept as hashes, about 12 MB when full.
    """

    __slots__ = ("_ids", "_limit")

    def __init__(self, limit: int = 100_000) -> None:
        self._ids: OrderedDict[int, object] = OrderedDict()
        self._limit = limit

    def first(self, vendor_id: str | None) -> bool:
        """Whether `vendor_id` is seen for the first time; False for None, which identifies nothing."""
        if vendor_id is None:
            return False
        mine = object()
        if self._ids.setdefault(hash(vendor_id), mine) is not mine:
            return False
        if len(self._ids) > self._limit:
            with suppress(KeyError):  # another thread may have made the room
                self._ids.popitem(last=False)
        return True

    def is_news(self, results: Literal["stored", "replayed", "each"], outcome: Outcome, vendor_id: str | None) -> bool:
        """Whether a result that can be asked for again is an operation, or the first sight of how an earlier one ended,
        rather than a replay of it.
        """
        final = not isinstance(outcome, Paused if results == "each" else (Paused, Incomplete))
        first = final and self.first(vendor_id)
        return first or results == "stored"
