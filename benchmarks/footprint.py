"""Memory of a long stream, and the time that importing takes."""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import tracemalloc
from collections.abc import Sequence

from peers import Peer
from rig import OURS, PEER, PLAIN, Rig
from scenarios import Scenario

LONG_STREAM, IMPORTS = 50_000, 5
MEASURED = ("anthropic stream",)


def peak_memory(rig: Rig, scenarios: Sequence[Scenario]) -> dict[str, dict[str, float]]:
    """Peak bytes of reading one long stream: of the SDK alone in full, of the others what they add to it."""
    found = {}
    for scenario in (one for one in scenarios if one.name in MEASURED):
        peaks = {name: _peak(rig, scenario, name) for name in (PLAIN, OURS, PEER) if name in scenario.variants}
        found[scenario.name] = {
            name: float(peak if name == PLAIN else peak - peaks[PLAIN]) for name, peak in peaks.items()
        }
    return found


def _peak(rig: Rig, scenario: Scenario, variant: str) -> int:
    rig.prepare(variant)
    scenario.variants[variant](100)
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    scenario.variants[variant](LONG_STREAM)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return peak


def import_time(peer: Peer | None) -> dict[str, float]:
    """Milliseconds of CPU that an import takes in a new process which has imported OpenTelemetry's API and wrapt.

    Of modules that are compiled, as those of an installed package are.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    modules = {OURS: "otel_refusals.instrumentation", **({PEER: ", ".join(peer.modules)} if peer else {})}
    found: dict[str, list[float]] = {variant: [] for variant in modules}
    for _ in range(IMPORTS):
        for variant, names in modules.items():
            code = (
                "import time, wrapt, opentelemetry.baggage, opentelemetry._logs, opentelemetry.metrics,"
                " opentelemetry.trace\n"
                f"start = time.process_time(); import {names}; print((time.process_time() - start) * 1e3)"
            )
            found[variant].append(float(subprocess.check_output([sys.executable, "-c", code], env=environment)))
    return {variant: statistics.quantiles(taken, n=5)[0] for variant, taken in found.items()}
