"""What must not grow: looked at between rounds, when nobody is at work."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from otel_refusals import leftovers
from otel_refusals.instrumentation import telemetry_in_use
from otel_refusals.operation import Operation

PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Gauges:
    """One look.

    Args:
        operations: Made until then.
        resident: Resident memory in bytes.
        descriptors: Open file descriptors.
        threads: Threads that are alive.
        tasks: asyncio tasks that exist.
        known: Operations that exist.
        open: Operations whose answer is still being read.
        orphans: Operations that wait for another to report them.
        seen: Vendor ids remembered.
        series: Label sets remembered.
    """

    operations: int
    resident: int
    descriptors: int
    threads: int
    tasks: int
    known: int
    open: int
    orphans: int
    seen: int
    series: int

    def as_json(self) -> dict[str, int]:
        """For another process."""
        return asdict(self)


def look(operations: int, *, instrumented: bool) -> Gauges:
    """Look now."""
    leftovers.report_orphans()
    objects: list[Any] = gc.get_objects()
    # By their own type: to be asked for another, a lazy object of somebody else's may want its settings.
    known = sum(issubclass(type(one), Operation) for one in objects)
    tasks = sum(issubclass(type(one), asyncio.Task) for one in objects)
    del objects
    telemetry = telemetry_in_use() if instrumented else None
    return Gauges(
        operations=operations,
        resident=int(Path("/proc/self/statm").read_text().split()[1]) * PAGE,
        descriptors=sum(1 for _ in Path("/proc/self/fd").iterdir()),
        threads=threading.active_count(),
        tasks=tasks,
        known=known,
        open=len(leftovers.OPEN),
        orphans=len(leftovers.ORPHANS),
        seen=len(telemetry.seen._ids) if telemetry else 0,
        series=len(telemetry._series) if telemetry else 0,
    )
