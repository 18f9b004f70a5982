"""How often the rate alerts fire by chance, and how soon they catch a change: 30 days, simulated minute by minute.

    python benchmarks/false_alarms.py [--runs N] [--seed N]

Traffic is Poisson, refusals are binomial at a constant true rate, and each alert is evaluated every minute as in
`alert_rules/refusals.rules.yml`. That the numbers are those of the rules is held against Prometheus itself by
`tests/bundle/test_rules_false_alarms.py`. Standard library only.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

HOUR, DAY = 60, 24 * 60
WEEK = 7 * DAY
THRESHOLD = 0.05
"""`workload:refusal_ratio_threshold:max` where nobody has set it."""


class Count(NamedTuple):
    """Refused and answered operations of some window."""

    refused: int
    answered: int

    @property
    def ratio(self) -> float:
        """The share refused, 0 where nothing was answered."""
        return self.refused / self.answered if self.answered else 0.0


def wilson_lower(count: Count) -> float:
    """Lower bound of the Wilson score interval at z = 3."""
    n, p = count.answered, count.ratio
    return (p + 4.5 / n - 3 * math.sqrt(p * (1 - p) / n + 2.25 / n**2)) / (1 + 9 / n) if n else 0.0


def z_score(now: Count, history: Count) -> float:
    """Two-proportion score, pooled with one refusal in two answers more."""
    pooled = (now.refused + history.refused + 1) / (now.answered + history.answered + 2)
    if not now.answered or not history.answered:
        return 0.0
    spread = math.sqrt(pooled * (1 - pooled) * (1 / now.answered + 1 / history.answered))
    return (now.ratio - history.ratio) / spread


class Traffic:
    """Operations of one workload and model, by the minute.

    Args:
        minutes: Refused and answered operations of each minute.
    """

    def __init__(self, minutes: Iterable[Count]) -> None:
        self.minutes = list(minutes)
        self._refused = list(accumulate((minute.refused for minute in self.minutes), initial=0))
        self._answered = list(accumulate((minute.answered for minute in self.minutes), initial=0))

    def between(self, start: int, end: int) -> Count:
        """What came after minute `start` and no later than minute `end`; nothing came before minute 0."""
        start, end = max(start, 0), max(end, 0)
        return Count(self._refused[end] - self._refused[start], self._answered[end] - self._answered[start])

    def window(self, at: int, minutes: int) -> Count:
        """The minutes up to `at`."""
        return self.between(at - minutes, at)

    def history(self, at: int) -> Count:
        """Seven days of whole hours, up to two hours before `at`."""
        end = (at - 2 * HOUR) // HOUR * HOUR
        return self.between(end - WEEK, end)


def rate_high(traffic: Traffic, at: int) -> bool:
    """LLMRefusalRateHigh."""
    hour = traffic.window(at, HOUR)
    return hour.refused >= 5 and wilson_lower(hour) > THRESHOLD


def nearly_everything(traffic: Traffic, at: int) -> bool:
    """LLMNearlyEverythingRefused."""
    return any(
        count.refused >= 10 and count.ratio > 0.8 for count in (traffic.window(at, 15), traffic.window(at, HOUR))
    )


def rate_changed(traffic: Traffic, at: int) -> bool:
    """LLMRefusalRateChanged."""
    now = traffic.window(at, 2 * HOUR)
    if now.refused < 5:
        return False
    history = traffic.history(at)
    return history.answered >= 100 and now.ratio > 2 * history.ratio and z_score(now, history) > 4


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert of the rules file.

    Args:
        holds: Its expression, at a minute.
        waits: Its `for`, in minutes.
        keeps: Its `keep_firing_for`, in minutes.
    """

    holds: Callable[[Traffic, int], bool]
    waits: int
    keeps: int


ALERTS = {
    "LLMRefusalRateHigh": Alert(rate_high, 10, 15),
    "LLMNearlyEverythingRefused": Alert(nearly_everything, 5, 10),
    "LLMRefusalRateChanged": Alert(rate_changed, 5, 60),
}


def firings(alert: Alert, traffic: Traffic, minutes: Iterable[int]) -> Iterator[int]:
    """The minutes at which the alert starts to fire."""
    since: int | None = None
    until: int | None = None
    for at in minutes:
        firing = until is not None and at < until
        if alert.holds(traffic, at):
            since = at if since is None else since
            if firing or at - since >= alert.waits:
                if not firing:
                    yield at
                until = at + alert.keeps
        else:
            since = None


@dataclass(frozen=True, slots=True)
class Case:
    """A workload: calls an hour and the true share that is refused, before and after the minute of the change."""

    per_hour: float
    rate: float
    becomes: float | None = None
    told: str = field(default="")

    def traffic(self, chance: random.Random, minutes: int) -> Traffic:
        """A week of history, then `minutes` of what is looked at."""
        after = self.rate if self.becomes is None else self.becomes
        rates = [self.rate] * WEEK + [after] * minutes
        return Traffic(_minute(chance, self.per_hour / HOUR, rate) for rate in rates)


def _minute(chance: random.Random, mean: float, rate: float) -> Count:
    answered = _poisson(chance, mean)
    return Count(sum(chance.random() < rate for _ in range(answered)), answered)


def _poisson(chance: random.Random, mean: float) -> int:
    """Knuth's way, which is quick for the few calls of a minute."""
    limit, product, count = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count


STEADY = (Case(10, 0.03), Case(50, 0.03), Case(500, 0.002), Case(500, 0.03), Case(500, 0.045))
CHANGES = (Case(500, 0.002, 0.01), Case(500, 0.002, 0.02), Case(500, 0.03, 0.12), Case(50, 0.03, 0.3), Case(50, 0, 0.1))


def false_alarms(case: Case, runs: int, seed: int, days: int = 30) -> dict[str, list[int]]:
    """How often each alert fired in each run, with nothing wrong."""
    counts: dict[str, list[int]] = {name: [] for name in ALERTS}
    for run in range(runs):
        traffic = case.traffic(random.Random(f"{seed} {case} {run}"), days * DAY)
        for name, alert in ALERTS.items():
            counts[name].append(sum(1 for _ in firings(alert, traffic, range(WEEK + 1, WEEK + days * DAY))))
    return counts


def delays(case: Case, runs: int, seed: int, hours: int = 12) -> list[float]:
    """Minutes from the change to the first alert in each run; infinite where none came."""
    found = []
    for run in range(runs):
        traffic = case.traffic(random.Random(f"{seed} {case} {run}"), hours * HOUR)
        minutes = range(WEEK + 1, WEEK + hours * HOUR)
        first = (next(firings(alert, traffic, minutes), math.inf) for alert in ALERTS.values())
        found.append(min(first) - WEEK)
    return found


def total(counts: dict[str, list[int]]) -> float:
    """The mean number of alarms in a run, over all alerts."""
    return sum(statistics.fmean(of_alert) for of_alert in counts.values())


def within(found: Sequence[float], minutes: float) -> float:
    """The share of delays that are no longer than that."""
    return sum(delay <= minutes for delay in found) / len(found)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50, help="simulated months, and changes, per row (default 50)")
    parser.add_argument("--seed", type=int, default=1, help="for another draw (default 1)")
    options = parser.parse_args()

    print(f"False alarms in 30 days with nothing wrong, mean of {options.runs} runs")
    print(f"{'calls/h':>8} {'true rate':>10}  " + "  ".join(ALERTS) + "  all")
    for case in STEADY:
        counts = false_alarms(case, options.runs, options.seed)
        row = "  ".join(f"{statistics.fmean(counts[name]):>{len(name)}.2f}" for name in ALERTS)
        print(f"{case.per_hour:>8} {case.rate:>10.1%}  {row}  {total(counts):.2f}", flush=True)

    print(f"\nFrom a change to the first of these alerts, {options.runs} runs")
    print(f"{'calls/h':>8} {'from':>7} {'to':>7} {'median':>8} {'9 of 10':>8} {'within 2 h':>11}")
    for case in CHANGES:
        found = sorted(delays(case, options.runs, options.seed))
        nine = found[math.ceil(len(found) * 0.9) - 1]
        print(
            f"{case.per_hour:>8} {case.rate:>7.1%} {case.becomes:>7.1%} {_minutes(statistics.median(found)):>8}"
            f" {_minutes(nine):>8} {within(found, 2 * HOUR):>11.0%}",
            flush=True,
        )


def _minutes(delay: float) -> str:
    return f"{delay:.0f} min" if math.isfinite(delay) else "over 12 h"


if __name__ == "__main__":
    main()
