"""Interleaved samples of every variant, and what they say of each other."""

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rig import PLAIN, Rig
from scenarios import Scenario

RESAMPLES = 400


@dataclass(frozen=True)
class Estimate:
    """A figure and the interval of nine in ten resamplings of the pairs."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


@dataclass(frozen=True)
class Samples:
    """Nanoseconds of the calling thread's CPU per call or event, by variant and pair."""

    of: Scenario
    taken: dict[str, list[list[float]]] = field(default_factory=dict)

    def total(self, variant: str, pairs: Sequence[int] | None = None) -> float:
        """What one call or event costs while nobody else computes: the 5th percentile of many short samples."""
        taken = self.taken[variant]
        samples = sorted(sample for pair in (range(len(taken)) if pairs is None else pairs) for sample in taken[pair])
        return samples[len(samples) // 20]

    def overhead(self, variant: str, pairs: Sequence[int] | None = None) -> float:
        """What the variant adds to the SDK alone."""
        return self.total(variant, pairs) - self.total(PLAIN, pairs)

    def figures(self) -> dict[str, float]:
        """What the SDK alone costs, and what each other variant adds to it."""
        return {name: self.total(name) if name == PLAIN else self.overhead(name) for name in self.taken}

    def estimate(self, figure: Callable[[Sequence[int]], float]) -> Estimate:
        """`figure` of all pairs, with the interval of its resamplings."""
        chance = random.Random(0)
        pairs = range(len(self.taken[PLAIN]))
        resampled = sorted(figure(chance.choices(pairs, k=len(pairs))) for _ in range(RESAMPLES))
        return Estimate(figure(pairs), resampled[RESAMPLES // 20], resampled[-RESAMPLES // 20])


def measure(rig: Rig, scenarios: Sequence[Scenario], pairs: int) -> list[Samples]:
    """Every variant in random order, pair by pair, so that a drift of the machine meets all of them alike."""
    order = random.Random(0)
    found = [Samples(scenario, {variant: [] for variant in scenario.variants}) for scenario in scenarios]
    gc.collect()
    gc.freeze()
    for pair in range(pairs + 1):
        _progress(f"pair {pair} of {pairs}")
        for samples in found:
            gc.collect()
            taken = _pair(rig, samples.of, order)
            if pair:  # the first pair warms up
                for variant, of_pair in taken.items():
                    samples.taken[variant].append(of_pair)
    _progress("")
    return found


def _pair(rig: Rig, scenario: Scenario, order: random.Random) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {variant: [] for variant in scenario.variants}
    for _ in range(scenario.samples):
        for variant in order.sample(list(scenario.variants), len(scenario.variants)):
            run = scenario.variants[variant]
            rig.prepare(variant)
            run(max(1, scenario.size // 10))  # another variant leaves the processor's caches cold
            start = time.thread_time_ns()
            run(scenario.size)
            taken[variant].append((time.thread_time_ns() - start) / scenario.size)
            scenario.after()
    return taken


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
