"""Memory of a long stream, and the time that importing takes."""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import tracemalloc

from peers import PEERS
from rig import OURS, PEER, PLAIN, Rig
from scenarios import Scenario

LONG_STREAM, IMPORTS = 50_000, 9


def peak_memory(rig: Rig, scenario: Scenario) -> dict[str, dict[int, int]]:
    """Peak bytes of reading one stream, by variant and length."""
    peaks: dict[str, dict[int, int]] = {}
    for variant in (variant for variant in (PLAIN, OURS, PEER) if variant in scenario.variants):
        peaks[variant] = {}
        for events in (LONG_STREAM // 10, LONG_STREAM):
            rig.prepare(variant)
            scenario.variants[variant](100)
            gc.collect()
            tracemalloc.start()
            before, _ = tracemalloc.get_traced_memory()
            scenario.variants[variant](events)
            peaks[variant][events] = tracemalloc.get_traced_memory()[1] - before
            tracemalloc.stop()
    return peaks


def import_time(peer: str | None) -> dict[str, float]:
    """Milliseconds of CPU that an import takes in a new process which has imported OpenTelemetry's API and wrapt."""
    modules = {OURS: "otel_refusals", **({PEER: ", ".join(PEERS[peer].modules)} if peer else {})}
    found: dict[str, list[float]] = {variant: [] for variant in modules}
    for _ in range(IMPORTS):
        for variant, names in modules.items():
            code = (
                "import time, wrapt, opentelemetry.baggage, opentelemetry._logs, opentelemetry.metrics,"
                " opentelemetry.trace\n"
                f"start = time.process_time(); import {names}; print((time.process_time() - start) * 1e3)"
            )
            found[variant].append(float(subprocess.check_output([sys.executable, "-c", code])))
    return {variant: statistics.quantiles(taken, n=5)[0] for variant, taken in found.items()}
