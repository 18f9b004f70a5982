"""Which vendor ids were already reported, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock


class Seen:
    """Remembers the newest `limit` ids; an id older than that counts as new again."""

    __slots__ = ("_ids", "_limit", "_lock")

    def __init__(self, limit: int = 10_000) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._limit = limit
        self._lock = Lock()

    def first(self, vendor_id: str | None) -> bool:
        """Whether `vendor_id` is seen for the first time; False for None, which identifies nothing."""
        if vendor_id is None:
            return False
        with self._lock:
            if vendor_id in self._ids:
                return False
            self._ids[vendor_id] = None
            if len(self._ids) > self._limit:
                self._ids.popitem(last=False)
            return True
