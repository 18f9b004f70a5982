"""What otel-refusals costs the caller, beside the least that any instrumentation could cost, and beside a peer.

    python benchmarks/cost.py [--pairs 40] [--only call,tap] [--peer NAME] [--json FILE]

One process and one interleaved run, real SDKs and real OpenTelemetry providers, no network. How to read it: README.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from footprint import LONG_STREAM, import_time, peak_memory
from peers import PEERS, versions
from rig import FLOOR, OURS, PEER, PLAIN, Rig
from sampling import Samples, measure
from scenarios import everything
from tees import CLASS, GENERATOR

CALL_BOUND, EVENT_BOUND, MEMORY_BOUND, IMPORT_BOUND = 0.6, 1.2, 16_384, 60.0


@dataclass(frozen=True)
class Verdict:
    """Whether one bound holds."""

    bound: str
    found: str
    holds: bool


def judge(measured: Sequence[Samples], peer: str | None) -> Iterator[Verdict]:
    """What the project promises of its cost: against the floor, against a bare tee, and against the peer."""
    for samples in measured:
        name, kind = samples.of.name, samples.of.kind
        if kind == "call":
            ratio = samples.estimate(lambda pairs, of=samples: of.overhead(OURS, pairs) / of.overhead(FLOOR, pairs))
            yield Verdict(f"{name}: at most {CALL_BOUND:g} x floor", str(ratio), ratio.value <= CALL_BOUND)
        if kind == "tap":
            ratio = samples.estimate(lambda pairs, of=samples: of.total(OURS, pairs) / of.total(GENERATOR, pairs))
            yield Verdict(f"{name}: at most {EVENT_BOUND:g} x bare tee", str(ratio), ratio.value <= EVENT_BOUND)
        if peer and PEER in samples.taken:
            ours, theirs = samples.overhead(OURS), samples.overhead(PEER)
            yield Verdict(f"{name}: lower than {peer}", f"{ours:+,.0f} ns, {theirs:+,.0f} ns", ours < theirs)


def show(measured: Sequence[Samples]) -> None:
    """Print what each variant costs: the SDK alone in full, the others on top of it."""
    variants = (FLOOR, GENERATOR, CLASS, OURS, PEER)
    print(f"{'ns of CPU per call or event':34}{'SDK alone':>12}" + "".join(f"{name:>15}" for name in variants))
    for samples in measured:
        cells = (f"{samples.overhead(name):+15,.0f}" if name in samples.taken else f"{'':15}" for name in variants)
        print(f"{samples.of.name:34}{samples.total(PLAIN):12,.0f}" + "".join(cells))


def main() -> int:
    """Measure, print, and return 1 when a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=40, help="interleaved rounds (default: %(default)s)")
    parser.add_argument("--only", default="", help="kinds to measure, of call, first, stream, tap, footprint")
    parser.add_argument("--peer", choices=PEERS, help="another instrumentation, which is installed here")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    rig = Rig(PEERS[options.peer].instrument if options.peer else None)
    scenarios = everything(rig, peer=options.peer is not None)
    kinds = set(options.only.split(",")) if options.only else {"call", "first", "stream", "tap", "footprint"}
    measured = measure(rig, [one for one in scenarios if one.kind in kinds], options.pairs)
    verdicts = list(judge(measured, options.peer))
    show(measured)
    figures: dict[str, Any] = {"versions": versions(), "cost": {one.of.name: _figures(one) for one in measured}}
    if "footprint" in kinds:
        memory = {
            one.name: peak_memory(rig, one)
            for one in scenarios
            if one.name in ("anthropic stream", "openai chat stream")
        }
        figures |= {"memory": memory, "import_ms": import_time(options.peer)}
        verdicts += _judge_footprint(memory, figures["import_ms"][OURS])
        print(f"\n{'peak KiB of one stream of':34}{'':>12}")
        for name, peaks in memory.items():
            for variant, by_length in peaks.items():
                cells = ", ".join(f"{events:,} deltas: {peak / 1024:,.0f}" for events, peak in by_length.items())
                print(f"{name:34}{variant:>15}  {cells}")
        print("\nimport, ms of CPU: " + ", ".join(f"{name} {ms:.0f}" for name, ms in figures["import_ms"].items()))
    print()
    for verdict in verdicts:
        print(f"{'holds ' if verdict.holds else 'BROKEN'}  {verdict.bound:62}{verdict.found}")
    if options.json:
        figures["verdicts"] = [vars(verdict) for verdict in verdicts]
        options.json.write_text(json.dumps(figures, indent=2))
    return 0 if all(verdict.holds for verdict in verdicts) else 1


def _judge_footprint(memory: dict[str, dict[str, dict[int, int]]], imported: float) -> Iterator[Verdict]:
    for name, peaks in memory.items():
        short, long = peaks[OURS].values()
        found = f"{long - short:+,} B"
        yield Verdict(f"{name}: memory constant over {LONG_STREAM:,} events", found, long - short <= MEMORY_BOUND)
    yield Verdict(f"import: under {IMPORT_BOUND:g} ms", f"{imported:.1f} ms", imported < IMPORT_BOUND)


def _figures(samples: Samples) -> dict[str, float]:
    return {PLAIN: samples.total(PLAIN)} | {name: samples.overhead(name) for name in samples.taken if name != PLAIN}


if __name__ == "__main__":
    sys.exit(main())
