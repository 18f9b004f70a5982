"""The numbers of the demo's screen, all of them computed from the OTLP that arrived."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from otel_refusals import names
from otel_refusals.testing.otlp import LogRecord, MetricPoint, Received, Span


@dataclass(frozen=True, slots=True)
class Declines:
    """One row of the table of refusals.

    Args:
        sources: Who declined; the discarded tokens are not told apart by source, so neither are rows.
        discarded: Output tokens thrown away, as far as the vendor reports them.
        unreported: Operations of which it reports none.
    """

    workload: str
    provider: str
    model: str
    category: str
    stage: str
    sources: tuple[str, ...]
    count: int
    discarded: int
    unreported: int


@dataclass(frozen=True, slots=True)
class RescuedCalls:
    """Operations that one model declined and another answered."""

    workload: str
    model: str
    rescued_by: str
    category: str
    count: int


@dataclass(frozen=True, slots=True)
class UnknownStops:
    """Operations that ended with a stop reason that no reader knows."""

    workload: str
    provider: str
    model: str
    signal: str
    count: int
    last_seen: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """One refusal in all three signals: the span of the call, the event that points to it, the exemplar that does."""

    span: Span
    event: LogRecord
    exemplar: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that the screen shows.

    Args:
        outcomes: Operations by workload and outcome.
        errors: Operations with outcome `error` by `error.type`.
    """

    outcomes: dict[str, Counter[str]]
    errors: Counter[str]
    refusals: list[Declines]
    rescued: list[RescuedCalls]
    unknown: list[UnknownStops]
    spans: int
    annotated: int
    own_spans: int
    events: Counter[str]
    evidence: Evidence | None

    @property
    def operations(self) -> int:
        """How many calls there were."""
        return sum(by_outcome.total() for by_outcome in self.outcomes.values())

    def ended(self, outcome: str) -> int:
        """How many of them ended with `outcome`."""
        return sum(by_outcome[outcome] for by_outcome in self.outcomes.values())

    def share(self, outcome: str) -> float:
        """The share of `outcome`, between 0 and 1."""
        return self.ended(outcome) / self.operations if self.operations else 0.0


def figures_of(received: Received) -> Figures:
    """The figures of what `received` holds."""
    outcomes: dict[str, Counter[str]] = {}
    errors: Counter[str] = Counter()
    for point in received.latest(names.OPERATIONS.name):
        outcome = point.attributes[names.OUTCOME]
        outcomes.setdefault(point.attributes[names.WORKLOAD], Counter())[outcome] += int(point.value)
        if names.ERROR_TYPE in point.attributes:
            errors[point.attributes[names.ERROR_TYPE]] += int(point.value)
    return Figures(
        outcomes=dict(sorted(outcomes.items(), key=lambda item: -item[1]["refused"])),
        errors=errors,
        refusals=_refusals(received),
        rescued=_rescued(received),
        unknown=_unknown(received),
        spans=len(received.spans),
        annotated=sum(names.OUTCOME in span.attributes for span in received.spans),
        own_spans=sum(span.scope == names.SCOPE for span in received.spans),
        events=Counter(record.event_name for record in received.logs if record.scope == names.SCOPE),
        evidence=_evidence(received),
    )


class _Row(NamedTuple):
    """What tells rows of the table apart."""

    workload: str
    provider: str
    model: str
    category: str
    stage: str


def _row(record: MetricPoint | LogRecord) -> _Row:
    labels = (names.WORKLOAD, names.PROVIDER, names.REQUEST_MODEL, names.CATEGORY, names.STAGE)
    return _Row(*(str(record.attributes.get(name, "")) for name in labels))


def _refusals(received: Received) -> list[Declines]:
    counts: Counter[_Row] = Counter()
    sources: dict[_Row, dict[str, None]] = {}
    for point in received.latest(names.REFUSALS.name):
        if point.attributes[names.OUTCOME] == "refused":
            counts[_row(point)] += int(point.value)
            sources.setdefault(_row(point), {})[point.attributes[names.SOURCE]] = None
    discarded: Counter[_Row] = Counter()
    for point in received.latest(names.DISCARDED_OUTPUT_TOKENS.name):
        discarded[_row(point)] += int(point.value)
    unreported = Counter(
        _row(event)
        for event in received.logs
        if event.event_name == names.REFUSAL_DETECTED and names.DISCARDED_OUTPUT not in event.attributes
    )
    return [
        Declines(*row, tuple(sources[row]), counts[row], discarded[row], unreported[row])
        for row in sorted(counts, key=lambda row: (row[0], -counts[row], row))
    ]


def _rescued(received: Received) -> list[RescuedCalls]:
    """From the events: which model answered is no label of a metric."""
    labels = (names.WORKLOAD, names.REQUEST_MODEL, names.RESCUED_BY, names.CATEGORY)
    rescued = [event.attributes for event in received.logs if event.attributes.get(names.OUTCOME) == "rescued"]
    calls = Counter(tuple(str(attributes.get(name, "")) for name in labels) for attributes in rescued)
    return [
        RescuedCalls(workload, model, rescued_by, category, count)
        for (workload, model, rescued_by, category), count in calls.items()
    ]


def _unknown(received: Received) -> list[UnknownStops]:
    seen = {
        (point.attributes[names.WORKLOAD], point.attributes[names.SIGNAL]): point.value
        for point in received.latest(names.UNKNOWN_LAST_SEEN.name)
    }
    stops = []
    for point in received.latest(names.UNKNOWN_STOP_REASONS.name):
        labels = point.attributes
        workload, signal = labels[names.WORKLOAD], labels[names.SIGNAL]
        stops.append(
            UnknownStops(
                workload,
                labels[names.PROVIDER],
                labels[names.REQUEST_MODEL],
                signal,
                int(point.value),
                seen.get((workload, signal), 0.0),
            )
        )
    return stops


def _evidence(received: Received) -> Evidence | None:
    """The refusal that is told best: one in the middle of a stream, where there is one."""
    events = {event.span_id: event for event in received.logs if event.event_name == names.REFUSAL_DETECTED}
    spans = [span for span in received.spans if span.span_id in events and names.CATEGORY in span.attributes]
    if not spans:
        return None
    # Every export has only the exemplars since the one before.
    points = [point for point in received.metrics if point.metric == names.REFUSALS.name]
    exemplars = {one.span_id for point in points for one in point.exemplars}
    span = max(spans, key=lambda span: (span.attributes.get(names.STAGE) == "mid_stream", span.span_id in exemplars))
    return Evidence(span, events[span.span_id], span.span_id in exemplars)
