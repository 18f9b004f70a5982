"""Operations that nobody ended: open when the process ends or forks, or dropped where nothing could be reported.

The law of this module: no lock, since the garbage collector may call it anywhere, and a fork may come at any time.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections import deque
from contextlib import suppress
from functools import cache
from types import FrameType
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from otel_refusals.operation import Operation

_LOCKING = ("opentelemetry.sdk.", "opentelemetry.exporter.", "queue.", "logging.")
"""The packages and modules that hold such locks, each with the dot after its name."""

OPEN: WeakSet[Operation] = WeakSet()
"""Operations whose answer is still being read."""

ORPHANS: deque[Operation] = deque()
"""Operations whose end the garbage collector saw at a moment when telemetry could not be sent."""


def report_orphans() -> None:
    """Report the operations that the garbage collector left behind."""
    while ORPHANS:
        with suppress(IndexError):  # another thread may take the last one
            ORPHANS.popleft().end()


def report_open() -> None:
    """Report every operation that the end of the process leaves unread."""
    while OPEN:
        with suppress(KeyError):  # another thread may take the last one
            OPEN.pop().end()
    report_orphans()


def report_at_exit() -> None:
    """Have the end of the process report what is open then.

    What is registered last runs first: as late as can be is before the exporters stop.
    """
    atexit.unregister(report_open)
    atexit.register(report_open)


report_at_exit_once = cache(report_at_exit)
"""Once more when the first answer streams in this process: OpenTelemetry may be set up after `instrument()`."""


def _forget() -> None:
    """In a forked child: what was open belongs to the parent, which reports it."""
    report_at_exit_once.cache_clear()
    for operation in list(OPEN):
        operation.forget()
    OPEN.clear()
    ORPHANS.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def inside_a_lock() -> bool:
    """Whether this thread is inside code that may hold a lock which a report needs."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if f"{frame.f_globals.get('__name__')}.".startswith(_LOCKING):
            return True
        frame = frame.f_back
    return False
