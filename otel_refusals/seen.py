"""Which vendor ids were already reported, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock


class Seen:
    """Remembers the newest `limit` ids; an id older than that counts as new again.

    As many as the largest batch has lines: 100,000 at Anthropic. Kept as hashes, about 10 MB when full.
    """

    __slots__ = ("_ids", "_limit", "_lock")

    def __init__(self, limit: int = 100_000) -> None:
        self._ids: OrderedDict[int, None] = OrderedDict()
        self._limit = limit
        self._lock = Lock()

    def first(self, vendor_id: str | None) -> bool:
        """Whether `vendor_id` is seen for the first time; False for None, which identifies nothing."""
        if vendor_id is None:
            return False
        key = hash(vendor_id)
        with self._lock:
            if key in self._ids:
                return False
            self._ids[key] = None
            if len(self._ids) > self._limit:
                self._ids.popitem(last=False)
            return True
