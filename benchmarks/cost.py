"""What otel-refusals costs the caller, beside a floor that does the least any instrumentation could.

    python benchmarks/cost.py [--pairs 80] [--json]

One process and one interleaved run, real SDKs and real OpenTelemetry providers, no network. How to read it: README.md.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from rig import CLASS, FLOOR, OURS, PLAIN, Rig
from scenarios import Scenario, calls, streams, taps

LONG_STREAM, RESAMPLES, IMPORTS = 50_000, 300, 15
CALL_BOUND, NATIVE_BOUND, EVENT_BOUND, CHUNK_BOUND, MEMORY_BOUND, IMPORT_BOUND = 1.1, 2.0, 1.5, 0.03, 16_384, 60.0

Samples = dict[str, list[float]]
"""Nanoseconds of CPU per call or event, one for each pair, by variant."""


@dataclass(frozen=True)
class Ratio:
    """The overhead of otel-refusals over the plain SDK, beside that of what does nothing. Nanoseconds of CPU."""

    scenario: str
    floor: str
    plain: float
    floor_overhead: float
    overhead: float
    ratio: float
    low: float
    high: float

    @property
    def drowned(self) -> bool:
        """Whether the SDK's own work is so large that the floor cannot be told from nothing."""
        return self.floor_overhead < self.plain / 50


@dataclass(frozen=True)
class Verdict:
    """Whether one bound holds."""

    bound: str
    found: str
    holds: bool


def measure(rig: Rig, scenarios: list[Scenario], pairs: int) -> dict[str, Samples]:
    """Every variant once per pair, in random order, so that a drift of the machine meets all of them alike."""
    order = random.Random(0)
    samples: dict[str, Samples] = {one.name: {variant: [] for variant in one.variants} for one in scenarios}
    gc.collect()
    gc.freeze()
    for pair in range(pairs + 1):
        _progress(f"pair {pair} of {pairs}")
        for scenario in scenarios:
            for variant in order.sample(list(scenario.variants), len(scenario.variants)):
                spent = _time(rig, scenario, variant)
                if pair:  # the first pair warms up
                    samples[scenario.name][variant].append(spent)
    return samples


def _time(rig: Rig, scenario: Scenario, variant: str) -> float:
    run = scenario.variants[variant]
    rig.prepare(variant)
    gc.collect()
    run(max(1, scenario.size // 10))  # the collector leaves the processor's caches cold
    start = time.process_time_ns()
    run(scenario.size)
    return (time.process_time_ns() - start) / scenario.size


def ratios(scenario: str, samples: Samples) -> Iterator[Ratio]:
    """Otel-refusals beside each floor of a scenario, with the interval of nine in ten resamplings of the pairs."""
    chance = random.Random(0)
    pairs = range(len(samples[PLAIN]))

    def overhead(variant: str, chosen: list[int]) -> float:
        return _fifth(samples[variant], chosen) - _fifth(samples[PLAIN], chosen)

    def ratio(floor: str, chosen: list[int]) -> float:
        return overhead(OURS, chosen) / max(overhead(floor, chosen), 1.0)

    for floor in (variant for variant in samples if variant not in (PLAIN, OURS)):
        resampled = sorted(ratio(floor, chance.choices(pairs, k=len(pairs))) for _ in range(RESAMPLES))
        yield Ratio(
            scenario,
            floor,
            plain=_fifth(samples[PLAIN], [*pairs]),
            floor_overhead=overhead(floor, [*pairs]),
            overhead=overhead(OURS, [*pairs]),
            ratio=ratio(floor, [*pairs]),
            low=resampled[RESAMPLES // 20],
            high=resampled[-RESAMPLES // 20],
        )


def _fifth(samples: list[float], chosen: list[int]) -> float:
    """The 20th percentile: what it costs when nobody else is on the processor."""
    return sorted(samples[pair] for pair in chosen)[len(chosen) // 5]


def peak_memory(rig: Rig, scenario: Scenario) -> dict[str, int]:
    """Peak bytes of reading one stream, by variant and length."""
    peaks: dict[str, int] = {}
    for variant in (PLAIN, OURS):
        for events in (LONG_STREAM // 10, LONG_STREAM):
            _progress(f"memory of {scenario.name}, {variant}, {events:,} events")
            rig.prepare(variant)
            scenario.variants[variant](100)
            gc.collect()
            tracemalloc.start()
            before, _ = tracemalloc.get_traced_memory()
            scenario.variants[variant](events)
            peaks[f"{variant}, {events}"] = tracemalloc.get_traced_memory()[1] - before
            tracemalloc.stop()
    return peaks


def import_time() -> float:
    """Milliseconds that `import otel_refusals` takes in a new process that has imported its dependencies."""
    code = (
        "import time, wrapt, opentelemetry.baggage, opentelemetry._logs, opentelemetry.metrics, opentelemetry.trace\n"
        "start = time.perf_counter(); import otel_refusals; print((time.perf_counter() - start) * 1e3)"
    )
    command = [sys.executable, "-c", code]
    return statistics.median(float(subprocess.check_output(command)) for _ in range(IMPORTS))


def judge(found: list[Ratio], memory: dict[str, dict[str, int]], imported: float) -> Iterator[Verdict]:
    """What the project promises. Streams are judged by the tap alone, over the tee that can do what the SDK's can.

    Every chunk of a chat has to be glanced at, since all of one class, so those are judged beside the SDK's own work.
    """
    for one in found:
        figure = f"{one.ratio:.2f} ({one.low:.2f} to {one.high:.2f})"
        if one.floor == FLOOR:
            bound = NATIVE_BOUND if "native" in one.scenario else CALL_BOUND
            yield Verdict(f"{one.scenario}: at most {bound:g} x floor", figure, one.ratio <= bound)
        elif one.floor == CLASS and one.scenario == "openai chat stream":
            share = one.overhead / one.plain
            yield Verdict(
                f"{one.scenario}: at most {CHUNK_BOUND:.0%} of the SDK's own", f"{share:.1%}", share <= CHUNK_BOUND
            )
        elif one.floor == CLASS and one.scenario.startswith("tap") and one.scenario != "tap: openai chat":
            yield Verdict(f"{one.scenario}: at most {EVENT_BOUND:g} x {CLASS}", figure, one.ratio <= EVENT_BOUND)
    for name, peaks in memory.items():
        growth = peaks[f"{OURS}, {LONG_STREAM}"] - peaks[f"{OURS}, {LONG_STREAM // 10}"]
        yield Verdict(f"{name}: memory constant over {LONG_STREAM:,} events", f"{growth:+,} B", growth <= MEMORY_BOUND)
    yield Verdict(f"import: under {IMPORT_BOUND:g} ms", f"{imported:.1f} ms", imported < IMPORT_BOUND)


def show(found: list[Ratio], memory: dict[str, dict[str, int]], verdicts: list[Verdict]) -> None:
    """Print the tables."""
    print(f"{'ns of CPU per call or event':32}{'plain':>10}  {'over':15}{'floor':>9}{'ours':>9}  ratio (90 % interval)")
    for one in found:
        interval = "   drowned" if one.drowned else f"{one.ratio:6.2f} ({one.low:.2f} to {one.high:.2f})"
        row = f"{one.scenario:32}{one.plain:10,.0f}  {one.floor:15}{one.floor_overhead:+9,.0f}{one.overhead:+9,.0f}"
        print(f"{row}  {interval}")
    print(f"\n{'peak bytes of one stream':32}" + "".join(f"{name:>24}" for name in next(iter(memory.values()))))
    for name, peaks in memory.items():
        print(f"{name:32}" + "".join(f"{peak:24,}" for peak in peaks.values()))
    print()
    for verdict in verdicts:
        print(f"{'holds ' if verdict.holds else 'BROKEN'}  {verdict.bound:62}{verdict.found}")


def main() -> int:
    """Measure, print, and return 1 when a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=80, help="samples of each variant (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    rig = Rig()
    read = streams(rig)
    samples = measure(rig, [*calls(rig), *read, *taps(rig)], options.pairs)
    found = [ratio for scenario, by_variant in samples.items() for ratio in ratios(scenario, by_variant)]
    memory = {one.name: peak_memory(rig, one) for one in read if one.name in ("anthropic stream", "openai chat stream")}
    imported = import_time()
    verdicts = list(judge(found, memory, imported))
    if options.json:
        figures = {"ratios": [*map(asdict, found)], "memory": memory, "import_ms": imported}
        print(json.dumps({**figures, "verdicts": [*map(asdict, verdicts)]}, indent=2))
    else:
        show(found, memory, verdicts)
    return 0 if all(verdict.holds for verdict in verdicts) else 1


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
