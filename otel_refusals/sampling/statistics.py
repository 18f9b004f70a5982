"""How sure a share is, and whether two differ.

Everything that has a distribution in it is scipy's. What scipy lacks, Newcombe's intervals for a difference, is put
together here from its Wilson limits, by R. G. Newcombe, Statistics in Medicine 17 (1998): 857-872 for one share,
873-890 for two independent shares (method 10) and 2635-2650 for two paired ones (method 10).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """The limits within which the true value lies, with `CONFIDENCE`."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """`count` of `total`, with Wilson's interval.

    Args:
        count: How many.
        total: Of how many; at least one.
    """

    count: int
    total: int

    @property
    def value(self) -> float:
        """The share itself."""
        return self.count / self.total

    @property
    def interval(self) -> Interval:
        """Wilson's interval without continuity correction."""
        from scipy.stats import binomtest  # type: ignore[import-untyped]

        found = binomtest(self.count, self.total).proportion_ci(CONFIDENCE, method="wilson")
        return Interval(float(found.low), float(found.high))


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Second share minus first.

    Args:
        value: The difference, between -1 and 1.
        interval: Newcombe's interval for it.
        p_value: How likely a difference at least as large is, where there is none in truth.
        method: The interval and the test by name.
        total: How many pairs, or None where the two are independent.
    """

    value: float
    interval: Interval
    p_value: float
    method: str
    total: int | None = None

    @property
    def significant(self) -> bool:
        """Whether the test rejects, at one minus `CONFIDENCE`, that the two are the same."""
        return self.p_value < 1 - CONFIDENCE


def independent(first: Share, second: Share) -> Difference:
    """The difference of two shares of different requests."""
    from scipy.stats import fisher_exact

    table = [[first.count, first.total - first.count], [second.count, second.total - second.count]]
    found: Any = fisher_exact(table)
    return Difference(
        value=second.value - first.value,
        interval=_newcombe(first, second, 0.0),
        p_value=float(found.pvalue),
        method="independent: Newcombe's interval, Fisher's exact test",
    )


def paired(both: int, only_first: int, only_second: int, neither: int) -> Difference:
    """The difference of two shares of the same requests, which are told apart by which of the two had them.

    Raises:
        ValueError: where there is no request at all.
    """
    from scipy.stats import binomtest

    total = both + only_first + only_second + neither
    if not total:
        raise ValueError("no pair to compare")
    first = Share(count=both + only_first, total=total)
    second = Share(count=both + only_second, total=total)
    discordant = only_first + only_second
    return Difference(
        value=second.value - first.value,
        interval=_newcombe(first, second, _phi(both, only_first, only_second, neither)),
        p_value=float(binomtest(only_first, discordant).pvalue) if discordant else 1.0,
        method="paired: Newcombe's interval, McNemar's exact test",
        total=total,
    )


def _phi(both: int, only_first: int, only_second: int, neither: int) -> float:
    """The correlation of the pairs, as Newcombe's method 10 corrects it."""
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if not margins:
        return 0.0
    product: float = both * neither - only_first * only_second
    if product > 0:
        product = max(product - (both + only_first + only_second + neither) / 2, 0)
    return product / sqrt(margins)


def _newcombe(first: Share, second: Share, phi: float) -> Interval:
    """The interval of second minus first, from the Wilson limits of each."""
    low_1, high_1 = (abs(first.value - limit) for limit in first.interval)
    low_2, high_2 = (abs(second.value - limit) for limit in second.interval)
    below = sqrt(max(low_2**2 - 2 * phi * low_2 * high_1 + high_1**2, 0.0))
    above = sqrt(max(high_2**2 - 2 * phi * high_2 * low_1 + low_1**2, 0.0))
    value = second.value - first.value
    return Interval(max(value - below, -1.0), min(value + above, 1.0))
