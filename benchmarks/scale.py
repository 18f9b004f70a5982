"""A thousand streams at once in one process, as tasks of one event loop and as threads."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import tracemalloc
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import anthropic
from rig import PLAIN, Rig
from scenarios import create

STREAMS, EVENTS, REPEATS = 1_000, 20, 3

Midway = Callable[[], object]
"""Called once, when all streams are open and half read."""


Figures = dict[str, dict[str, float]]


def at_scale(rig: Rig, variants: Sequence[str]) -> tuple[Figures, Figures]:
    """Nanoseconds of the process's CPU, and bytes, per stream: of the SDK alone in full, else what is added to it."""
    cpu: Figures = {}
    memory: Figures = {}
    for way, cls, read in (("tasks", anthropic.AsyncAnthropic, _tasks), ("threads", anthropic.Anthropic, _threads)):
        clients = {variant: rig.client(variant, cls, open_telemetry=False) for variant in variants}
        held = {variant: _memory(rig, variant, partial(read, client)) for variant, client in clients.items()}
        taken: dict[str, list[float]] = {variant: [] for variant in variants}
        for _ in range(REPEATS):
            for variant, client in clients.items():
                taken[variant].append(_cpu(rig, variant, partial(read, client)))
        name = f"{STREAMS:,} streams in {way}"
        cpu[name] = _added({variant: min(costs) for variant, costs in taken.items()})
        memory[name] = _added(held)
    return cpu, memory


def _added(found: dict[str, float]) -> dict[str, float]:
    return {variant: cost if variant == PLAIN else cost - found[PLAIN] for variant, cost in found.items()}


def _cpu(rig: Rig, variant: str, run: Callable[[Midway], object]) -> float:
    rig.prepare(variant)
    rig.events = EVENTS
    gc.collect()
    start = time.process_time_ns()
    run(lambda: None)
    return (time.process_time_ns() - start) / STREAMS


def _memory(rig: Rig, variant: str, run: Callable[[Midway], object]) -> float:
    """Bytes that each stream holds when all of them are open."""
    rig.prepare(variant)
    rig.events = EVENTS
    held: list[int] = []
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    run(lambda: held.append(tracemalloc.get_traced_memory()[0] - before))
    tracemalloc.stop()
    return held[0] / STREAMS


def _tasks(client: Any, midway: Midway) -> None:
    half = EVENTS // 2

    async def read(arrived: list[None], everybody: asyncio.Event) -> None:
        seen = 0
        async for _ in await create(client, stream=True):
            seen += 1
            await asyncio.sleep(0)  # the next stream's turn
            if seen == half:
                arrived.append(None)
                if len(arrived) == STREAMS:
                    midway()
                    everybody.set()
                await everybody.wait()

    async def all_of_them() -> None:
        arrived: list[None] = []
        everybody = asyncio.Event()
        await asyncio.gather(*(read(arrived, everybody) for _ in range(STREAMS)))

    asyncio.run(all_of_them())


def _threads(client: Any, midway: Midway) -> None:
    half = EVENTS // 2
    everybody = threading.Barrier(STREAMS, action=midway)

    def read() -> None:
        for seen, _ in enumerate(create(client, stream=True), 1):
            if seen == half:
                everybody.wait()

    threads = [threading.Thread(target=read) for _ in range(STREAMS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
