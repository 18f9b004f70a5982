"""What otel-refusals costs the caller, beside the least that any instrumentation could cost, and beside a peer.

    python benchmarks/cost.py [--pairs 40] [--only call,tap] [--peer NAME] [--json FILE]

One process and one interleaved run, real SDKs and real OpenTelemetry providers, no network. How to read it: README.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

from footprint import LONG_STREAM, import_time, peak_memory
from peers import PEERS
from rig import FLOOR, OURS, PEER, PLAIN, Rig
from sampling import Samples, measure
from scale import at_scale
from scenarios import everything
from tees import CLASS, GENERATOR

KINDS = ("call", "first", "stream", "tap", "footprint", "scale")
CALL_BOUND, EVENT_BOUND, MEMORY_BOUND, IMPORT_BOUND = 0.6, 1.2, 16_384, 60.0

Figures = dict[str, dict[str, float]]
"""By scenario and variant: of the SDK alone in full, of the others what they add to it."""


@dataclass(frozen=True)
class Verdict:
    """Whether one bound holds."""

    bound: str
    found: str
    holds: bool


def judge(measured: Sequence[Samples]) -> Iterator[Verdict]:
    """What the project promises: against the floor, against a bare tee, and against the peer."""
    for samples in measured:
        name, kind = samples.of.name, samples.of.kind
        if kind == "call":
            ratio = samples.estimate(lambda pairs, of=samples: of.overhead(OURS, pairs) / of.overhead(FLOOR, pairs))
            yield Verdict(f"{name}: at most {CALL_BOUND:g} x floor", str(ratio), ratio.value <= CALL_BOUND)
        if kind == "stream":
            ratio = samples.estimate(lambda pairs, of=samples: of.total(OURS, pairs) / of.total(GENERATOR, pairs))
            bound = f"{name}: an event at most {EVENT_BOUND:g} x one under a bare tee"
            yield Verdict(bound, str(ratio), ratio.value <= EVENT_BOUND)
        if PEER in samples.taken:
            share = samples.estimate(lambda pairs, of=samples: of.overhead(OURS, pairs) / of.overhead(PEER, pairs))
            yield Verdict(f"{name}: less than the peer", f"{share} of it", share.value < 1)


def judge_footprint(memory: Figures, imported: Mapping[str, float]) -> Iterator[Verdict]:
    """A stream of any length holds the same, and importing is quick."""
    for name, peaks in memory.items():
        found = f"{peaks[OURS]:+,.0f} B over the SDK alone"
        yield Verdict(f"{name}: memory constant over {LONG_STREAM:,} events", found, peaks[OURS] <= MEMORY_BOUND)
    yield Verdict(f"import: under {IMPORT_BOUND:g} ms", f"{imported[OURS]:.1f} ms", imported[OURS] < IMPORT_BOUND)


def show(title: str, figures: Figures, scale: float = 1.0) -> None:
    """Print one table: the SDK alone in full, the others on top of it."""
    variants = [one for one in (FLOOR, GENERATOR, CLASS, OURS, PEER) if any(one in row for row in figures.values())]
    print(f"\n{title:34}{'SDK alone':>12}" + "".join(f"{name:>15}" for name in variants))
    for name, row in figures.items():
        cells = (f"{row[variant] / scale:+15,.0f}" if variant in row else f"{'':15}" for variant in variants)
        print(f"{name:34}{row.get(PLAIN, 0) / scale:12,.0f}" + "".join(cells))


def main() -> int:
    """Measure, print, and return 1 when a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=40, help="interleaved rounds (default: %(default)s)")
    parser.add_argument("--only", default=",".join(KINDS), help="kinds to measure (default: %(default)s)")
    parser.add_argument("--peer", choices=PEERS, help="another instrumentation, which is installed here")
    parser.add_argument(
        "--json", type=Path, help="where to write the figures, beside those of other kinds that are there already"
    )
    options = parser.parse_args()
    kinds = options.only.split(",")
    peer = PEERS[options.peer] if options.peer else None
    rig = Rig(peer)
    scenarios = everything(rig, peer)
    found: dict[str, Figures] = {}
    measured = measure(rig, [one for one in scenarios if one.kind in kinds], options.pairs)
    verdicts = list(judge(measured))
    if measured:
        found["cost"] = {one.of.name: one.figures() for one in measured}
        show("ns of CPU per call or event", found["cost"])
    if "footprint" in kinds:
        found["memory"] = peak_memory(rig, [one for one in scenarios if one.kind == "stream"])
        found["import"] = {"import": import_time(peer)}
        show(f"KiB, peak of {LONG_STREAM:,} deltas", found["memory"], 1024)
        show("import, ms of CPU", found["import"])
        verdicts += judge_footprint(found["memory"], found["import"]["import"])
    if "scale" in kinds:
        found["scale cpu"], found["scale memory"] = at_scale(rig, [PLAIN, OURS, *([PEER] if peer else [])])
        show("ns of CPU per stream", found["scale cpu"])
        show("bytes per open stream", found["scale memory"])
    print()
    for verdict in verdicts:
        print(f"{'holds ' if verdict.holds else 'BROKEN'}  {verdict.bound:75}{verdict.found}")
    if options.json:
        names = ("anthropic", "openai", "opentelemetry-api", *(peer.requirements if peer else ()))
        about: dict[str, Any] = {"versions": {name: version(name) for name in names}, "python": python_version()}
        if measured:
            about["pairs"] = options.pairs
        _add(options.json, about | found, verdicts)
    return 0 if all(verdict.holds for verdict in verdicts) else 1


def _add(path: Path, found: dict[str, Any], verdicts: Sequence[Verdict]) -> None:
    """Write to `path` what was found, beside what is there already of other kinds."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    judged = {one["bound"]: one for one in [*kept.get("verdicts", []), *map(asdict, verdicts)]}
    path.write_text(json.dumps(kept | found | {"verdicts": [*judged.values()]}, indent=2))


if __name__ == "__main__":
    sys.exit(main())
