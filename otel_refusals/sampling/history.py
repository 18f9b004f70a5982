"""What the counters of the instrumentation have counted in a span of time, read from a Prometheus as whole numbers.

`increase()` extrapolates, and does not count a series' first value. So the values themselves are read, series by
series, and added up here: a value that fell is a process that started again, and a series that was not there before
began at zero.
"""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from otel_refusals import names
from otel_refusals.bundle.prometheus import Prometheus
from otel_refusals.names import Metric, prometheus_label
from otel_refusals.sampling.report import Group, Tokens

POINTS = 2000
"""Into so many steps a span is divided, of a minute at least. Of a process that starts again twice within one step,
what it had counted in between is missed."""

_BEFORE = "1d"
"""How far before the span a series is looked for that had a gap at its start."""

_GROUPED = tuple(map(prometheus_label, (names.WORKLOAD, names.REQUEST_MODEL)))
_OUTCOME, _CATEGORY, _STAGE, _SIGNAL = map(prometheus_label, (names.OUTCOME, names.CATEGORY, names.STAGE, names.SIGNAL))


def counted(server: Prometheus, since: int, workload: str | None = None, models: Sequence[str] = ()) -> list[Group]:
    """The operations of the last `since` seconds by workload and model, the most first.

    Args:
        server: Where the counters are.
        since: Seconds.
        workload: Only this one.
        models: Only these, in this order.

    Raises:
        ServerError: where the server gives no usable answer.
    """
    span = _Span(server, since, _matchers(workload, models))
    outcomes = span.by_group(names.OPERATIONS, _OUTCOME)
    refused = f'{_OUTCOME}="refused"'
    kinds = span.by_group(names.REFUSALS, _CATEGORY, _STAGE, only=refused)
    discarded_input = span.by_group(names.DISCARDED_INPUT_TOKENS)
    discarded_output = span.by_group(names.DISCARDED_OUTPUT_TOKENS)
    signals = span.by_group(names.UNKNOWN_STOP_REASONS, _SIGNAL)
    found = [
        Group(
            name=key[1] if workload else " / ".join(key),
            outcomes={outcome: count for (outcome,), count in counts.items()},
            kinds={(category, stage): count for (category, stage), count in kinds[key].items()},
            discarded_input=Tokens(discarded_input[key].total()),
            discarded_output=Tokens(discarded_output[key].total()),
            unknown_signals={signal: count for (signal,), count in signals[key].items()},
        )
        for key, counts in outcomes.items()
    ]
    if models:
        return sorted(found, key=lambda group: models.index(group.name.rpartition(" / ")[2]))
    return sorted(found, key=lambda group: (-group.answered, group.name))


def increase(values: Iterable[float], before: float | None) -> float:
    """How much a counter has counted, from its values in order.

    Args:
        values: What it was at each step.
        before: What it was at the start; None where it began within the span.
    """
    total, last = 0.0, before or 0.0
    for value in values:
        total += value - last if value >= last else value
        last = value
    return total


class _Span:
    def __init__(self, server: Prometheus, since: int, matchers: str) -> None:
        self._server, self._matchers = server, matchers
        self._step = max(60, since // POINTS)
        steps = max(since // self._step, 1)
        self._end = int(time.time())
        self._start = self._end - steps * self._step

    def by_group(
        self, metric: Metric, *labels: str, only: str = ""
    ) -> defaultdict[tuple[str, ...], Counter[tuple[str, ...]]]:
        """The increase by workload and model, and in each by the values of `labels`."""
        selector = f"{metric.prometheus}{{{','.join(filter(None, (self._matchers, only)))}}}"
        # The maximum of a step has what a process counted before it ended, however soon the series is stale.
        values = self._server.query_range(
            f"max_over_time({selector}[{self._step}s])", self._start + self._step, self._end, self._step
        )
        before = {
            _series(found): float(found["value"][1])
            for found in self._server.query(f"last_over_time({selector}[{_BEFORE}])", self._start)
        }
        sums: defaultdict[tuple[str, ...], Counter[tuple[str, ...]]] = defaultdict(Counter)
        for found in values:
            counts = (float(value) for _, value in found["values"])
            total = round(increase(counts, before.get(_series(found))))
            if total:
                metric_labels = found["metric"]
                group = tuple(metric_labels.get(name, "unspecified") for name in _GROUPED)
                sums[group][tuple(metric_labels.get(name, "") for name in labels)] += total
        return sums


def _series(found: dict[str, dict[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, value) for name, value in found["metric"].items() if name != "__name__"))


def _matchers(workload: str | None, models: Sequence[str]) -> str:
    chosen = [f"{_GROUPED[0]}={_quoted(workload)}"] if workload else []
    if models:
        chosen.append(f"{_GROUPED[1]}=~{_quoted('|'.join(map(re.escape, models)))}")
    return ",".join(chosen)


def _quoted(value: str) -> str:
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'
