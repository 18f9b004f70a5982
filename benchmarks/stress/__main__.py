"""The long run: one process with otel-refusals and one without, at the same time, making the same calls.

    python -m benchmarks.stress [--operations 100000] [--threads 200] [--tasks 300] [--seed 1] [--uvloop]

Exit status 1 where a count is not what was sent, a caller met anything that it should not have, memory grew, or
anything is left over.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import time
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.stress.books import Books
from benchmarks.stress.crowd import Crowd
from benchmarks.stress.gauges import look
from benchmarks.stress.wires import loopback
from otel_refusals.testing import StubServer

WARM_UP = 0.2
"""The share of the run after which memory is measured."""

GROWTH = 2 << 20
"""By how many bytes resident memory may grow from there on: 26 for each operation that is made."""

MALLOC = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""Have glibc give back what is free, rather than learn to keep it: what is resident is then what is in use."""

FLAT = ("descriptors", "threads", "tasks", "known", "open", "orphans", "seen", "series")

Result = dict[str, Any]


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stress", description=__doc__.partition("\n")[0])
    parser.add_argument("--operations", type=int, default=100_000, help="how many to make at least")
    parser.add_argument("--threads", type=int, default=200, help="how many threads make calls at once")
    parser.add_argument("--tasks", type=int, default=300, help="how many asyncio tasks do")
    parser.add_argument("--calls", type=int, default=4, help="how many calls each of them makes in a round")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn by chance")
    parser.add_argument("--uvloop", action="store_true", help="run the tasks on uvloop")
    parser.add_argument("--child", choices=["plain", "ours"], help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    return parser.parse_args(given)


def child(asked: argparse.Namespace) -> Result:
    """One process's run; what was seen in it."""
    logging.getLogger("otel_refusals").setLevel(logging.ERROR)
    sys.setswitchinterval(0.001)  # threads that never wait would else take turns at leisure
    books = Books()
    if asked.child == "ours":
        books.instrument()
    settings: dict[str, Any] = {}
    if asked.uvloop:
        import uvloop

        settings["new_loop"] = uvloop.new_event_loop
    crowd = Crowd(asked.threads, asked.tasks, books.tracer_provider, asked.url, asked.seed, **settings)
    looks, began = [], time.monotonic()
    while crowd.operations < asked.operations and not crowd.faults:
        crowd.round(asked.calls)
        looks.append(look(crowd.operations, instrumented=asked.child == "ours"))
        print(f"{crowd.operations} {looks[-1].resident >> 10}", file=sys.stderr, flush=True)
    return {
        "seconds": time.monotonic() - began,
        "looks": [one.as_json() for one in looks],
        "faults": crowd.faults,
        "differences": books.differences(crowd.made) if asked.child == "ours" else [],
    }


def both(given: list[str]) -> dict[str, Result]:
    """Both processes' results.

    Raises:
        SystemExit: where one has died.
    """
    environment = {**os.environ, **MALLOC, "PYTHONHASHSEED": "0"}
    with StubServer(loopback) as server:
        command = [sys.executable, "-m", "benchmarks.stress", *given, "--url", server.url, "--child"]
        running = {
            name: subprocess.Popen([*command, name], env=environment, stdout=subprocess.PIPE)
            for name in ("plain", "ours")
        }
        told = {name: process.communicate()[0] for name, process in running.items()}
    for name, process in running.items():
        if process.returncode:
            raise SystemExit(f"the process {name} ended with {process.returncode}")
    return {name: json.loads(result) for name, result in told.items()}


def growth(looks: list[dict[str, int]]) -> int:
    """Bytes by which resident memory grew after the warm-up: between the medians of the first and the last looks."""
    after = [look["resident"] for look in looks[int(len(looks) * WARM_UP) :]]
    part = max(1, len(after) // 5)
    return sorted(after[-part:])[part // 2] - sorted(after[:part])[part // 2]


def broken(results: dict[str, Result]) -> list[str]:
    """The bounds that were broken, in words."""
    ours, plain = results["ours"], results["plain"]
    found = [*ours["faults"], *(f"without otel-refusals: {fault}" for fault in plain["faults"]), *ours["differences"]]
    first, last = ours["looks"][int(len(ours["looks"]) * WARM_UP)], ours["looks"][-1]
    found += [f"{name} grew from {first[name]} to {last[name]}" for name in FLAT if last[name] > first[name]]
    found += [f"{last[name]} {name} are left over" for name in ("open", "orphans", "known") if last[name]]
    if (more := growth(ours["looks"])) > GROWTH:
        found.append(f"resident memory grew by {more >> 10} KiB")
    return found


def table(results: dict[str, Result]) -> Table:
    """The figures of both, side by side."""
    shown = Table("", *results, title="Manners under stress")
    rows = {
        "operations": lambda result: f"{result['looks'][-1]['operations']:,}",
        "seconds": lambda result: f"{result['seconds']:.0f}",
        "resident memory, MiB": lambda result: f"{result['looks'][-1]['resident'] / 2**20:.1f}",
        "its growth after warm-up, KiB": lambda result: f"{growth(result['looks']) / 1024:.0f}",
        **{name: lambda result, name=name: str(result["looks"][-1][name]) for name in FLAT},
        "exceptions of callers": lambda result: str(len(result["faults"])),
        "counts that differ": lambda result: str(len(result["differences"])),
    }
    for name, cell in rows.items():
        shown.add_row(name, *(cell(result) for result in results.values()))
    return shown


def main() -> int:
    asked = arguments()
    if asked.child:
        print(json.dumps(child(asked)))
        return 0
    results = both(sys.argv[1:])
    console = Console()
    console.print(table(results))
    wrong = broken(results)
    for line in wrong[:20]:
        console.print(line, style="red", markup=False)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
