"""Eight days of telemetry, as applications under otel-refusals would have sent it: what panels and rules are tried on.

Seven workloads on five models. What goes wrong shows up on the dashboards:

- `codegen` is refused far more often than usual in the last 100 minutes, much of it mid-stream;
- `batch-eval` got the first unknown stop reason of its life nine minutes before the end, `support-bot` 30 hours before;
- `support-bot` is rescued by a fallback model, which stops working two hours before the end;
- `red-team` is refused all the time, as it should be: a threshold of its own says so;
- `support-bot` and `claims-intake` record what they do about a refusal; the latter stopped 40 minutes before the end;
- `newsletter` fell silent three hours before the end;
- `codegen` calls more models than the cap lets through, and three failures of the instrumentation were kept from it.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from otel_refusals import names
from otel_refusals.labels import OTHER
from otel_refusals.names import Metric

END = 1_795_168_800
"""Unix time of the last sample: 2026-11-20 10:00:00 UTC, on the hour, where hourly baselines look."""

DAYS = 8
MINUTE, HOUR = 60, 3600
FINE = 8 * HOUR
"""Seconds before the end in which there is a sample every minute; every four before that, and no buckets."""

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to be declined, and how many of 100 declines are of it."""

    weight: int
    category: str
    stage: str
    source: str = "classifier"


@dataclass(frozen=True, slots=True)
class Traffic:
    """Calls of one workload to one model by one service.

    Args:
        provider, operation, model, workload, service: The labels.
        per_hour: Operations an hour.
        refused, rescued, error: Shares of them.
        kinds: How they are declined.
        surge: Share refused in the last 100 minutes.
        rescue_until: Seconds before the end when the fallback stops answering.
        silent_for: Seconds without telemetry before the end.
        unknown: An unknown stop reason and how many seconds before the end it came.
        decides: What it does about a refusal, the likeliest first; nothing that it records by default.
        decides_until: Seconds before the end when it no longer does.
    """

    provider: str
    operation: str
    model: str
    workload: str
    service: str
    per_hour: float
    refused: float
    kinds: tuple[Kind, ...]
    rescued: float = 0.0
    error: float = 0.004
    surge: float | None = None
    rescue_until: int = 0
    silent_for: int = 0
    unknown: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    decides: tuple[str, ...] = ()
    decides_until: int = 0

    @property
    def base(self) -> dict[str, str]:
        """The labels that every metric of an operation has."""
        return dict(zip(names.BASE, (self.provider, self.operation, self.model, self.workload), strict=True))

    def share_refused(self, ago: int) -> float:
        """The share refused so many seconds before the end."""
        return self.surge if self.surge is not None and ago < 100 * MINUTE else self.refused


SUPPORT = (Kind(55, "self_harm", "pre_output"), Kind(30, "harassment", "pre_output"), Kind(15, "hate", "mid_stream"))
CODE = (
    Kind(45, "cyber", "mid_stream"),
    Kind(35, "cyber", "pre_output"),
    Kind(20, "unspecified", "pre_output", "model"),
)
ATTACKS = (
    Kind(30, "jailbreak", "pre_output"),
    Kind(25, "weapons", "pre_output", "model"),
    Kind(25, "bio", "pre_output"),
    Kind(20, "cyber", "mid_stream"),
)
GUARDED = (Kind(60, "guardrail", "pre_output", "guardrail"), Kind(40, "privacy", "mid_stream", "guardrail"))

TRAFFIC = (
    Traffic(
        "anthropic", "chat", "claude-opus-4-8", "support-bot", "support-api", 420, 0.006, SUPPORT,
        rescued=0.012, rescue_until=2 * HOUR, unknown={"content_paused": (30 * HOUR,)},
        decides=("rerouted", "surfaced", "escalated"),
    ),
    Traffic("openai", "chat", "gpt-5.5", "support-bot", "support-api", 160, 0.007, SUPPORT, error=0.01,
            decides=("surfaced", "escalated")),
    Traffic("anthropic", "chat", "claude-opus-5", "codegen", "ide-gateway", 260, 0.011, CODE, surge=0.14,
            decides=("rerouted", "surfaced"), decides_until=25 * MINUTE),
    Traffic("openai", "chat", "gpt-5.5", "codegen", "ide-gateway", 140, 0.009, CODE),
    Traffic("openai", "chat", OTHER, "codegen", "ide-gateway", 6, 0.01, CODE),
    Traffic("anthropic", "chat", "claude-fable-5", "red-team", "evals", 70, 0.34, ATTACKS),
    Traffic(
        "gcp.gemini", "generate_content", "gemini-3-pro", "batch-eval", "evals", 150, 0.02, SUPPORT,
        unknown={"SAFETY_REVIEW": (9 * MINUTE, 5 * MINUTE)},
    ),
    Traffic("aws.bedrock", "chat", "claude-opus-4-8", "claims-intake", "claims", 110, 0.03, GUARDED, error=0.03,
            decides=("escalated", "dropped"), decides_until=40 * MINUTE),
    Traffic("mistral_ai", "chat", "mistral-large", "newsletter", "marketing", 60, 0.01, GUARDED, silent_for=3 * HOUR),
    Traffic("openai", "chat", "gpt-5.5", "unspecified", "scratch", 25, 0.01, SUPPORT),
)  # fmt: skip

OVERRIDE = {"red-team": 0.6}
"""Thresholds that an operator set for a workload: `workload:refusal_ratio_threshold:override`."""

SELF = {
    # What servers tell of themselves, per minute.
    "prometheus": {
        "prometheus_rule_evaluations": 240.0,
        "prometheus_rule_evaluation_failures": 0.0,
        "prometheus_rule_group_iterations_missed": 0.0,
        "prometheus_notifications_sent": 4.0,
        "prometheus_notifications_dropped": 0.0,
    },
    "alertmanager": {"alertmanager_notifications": 0.2, "alertmanager_notifications_failed": 0.0},
    "otel-collector": {
        "otelcol_receiver_accepted_metric_points": 5200.0,
        "otelcol_receiver_accepted_spans": 640.0,
        "otelcol_receiver_accepted_log_records": 80.0,
        "otelcol_receiver_refused_metric_points": 0.0,
        "otelcol_receiver_refused_spans": 0.0,
        "otelcol_receiver_refused_log_records": 0.0,
        "otelcol_exporter_send_failed_metric_points": 0.0,
        "otelcol_exporter_send_failed_spans": 0.0,
        "otelcol_exporter_send_failed_log_records": 0.0,
        "otelcol_exporter_enqueue_failed_metric_points": 0.0,
        "otelcol_exporter_enqueue_failed_spans": 0.0,
        "otelcol_exporter_enqueue_failed_log_records": 0.0,
    },
}
GROUPS = ("refusal-now", "refusal-rates", "refusal-kinds", "refusal-pipeline")


class History:
    """Samples by family and series, in the order of time."""

    def __init__(self, seed: int = 7) -> None:
        self._random = random.Random(seed)
        self._values: dict[tuple[str, Labels], float] = {}
        self._samples: dict[tuple[str, Labels], list[tuple[int, float]]] = {}
        self._types: dict[str, str] = {}

    def openmetrics(self) -> Iterator[str]:
        """The whole history in lines of OpenMetrics, for `promtool tsdb create-blocks-from openmetrics`."""
        start = END - DAYS * 24 * HOUR
        for traffic in TRAFFIC:
            self._starts(traffic)
        now = start
        while now <= END:
            step = MINUTE if END - now <= FINE else 4 * MINUTE
            self._pass(now, step)
            now += step
        families = defaultdict(list)
        for series in self._samples:
            families[_family(series[0], self._types)].append(series)
        for family, members in families.items():
            yield f"# TYPE {family} {self._types[family]}\n"
            for name, labels in members:
                text = f"{name}{{" + ",".join(f'{key}="{value}"' for key, value in labels) + "} "
                yield from (f"{text}{value:.10g} {now}\n" for now, value in self._samples[name, labels])
        yield "# EOF\n"

    def _pass(self, now: int, step: int) -> None:
        """One step of time: calls are made, then every series is exported."""
        ago = END - now
        for traffic in TRAFFIC:
            if ago >= traffic.silent_for:
                for _ in range(self._poisson(traffic.per_hour * step / HOUR)):
                    self._call(traffic, ago)
            for signal, times in traffic.unknown.items():
                if any(ago < at <= ago + step for at in times):
                    self._unknown(traffic, signal, now)
        if ago in (14 * HOUR, 5 * HOUR, 4 * HOUR):
            self._add(
                names.INSTRUMENTATION_ERRORS,
                {names.VENDOR: "openai", names.ERROR_TYPE: "AttributeError"},
                1,
                "ide-gateway",
            )
        if ago <= FINE:
            self._servers(ago, step)
        silent = {("job", traffic.service) for traffic in TRAFFIC if ago < traffic.silent_for}
        for (name, labels), value in self._values.items():
            if silent.isdisjoint(labels) and (ago <= FINE or not name.endswith("_bucket")):
                self._samples.setdefault((name, labels), []).append((now, value))

    def _starts(self, traffic: Traffic) -> None:
        """As the instrumentation does: no first refusal may be a new series."""
        for outcome in ("refused", "rescued", "unknown"):
            self._add(names.OPERATIONS, {**traffic.base, names.OUTCOME: outcome}, 0, traffic.service)

    def _call(self, traffic: Traffic, ago: int) -> None:
        chance = self._random.random()
        refused, rescued = traffic.share_refused(ago), traffic.rescued
        if chance < refused:
            self._declined(traffic, "refused", ago)
        elif chance < refused + rescued:
            # Without its fallback, what was rescued is refused.
            self._declined(traffic, "rescued" if ago > traffic.rescue_until else "refused", ago)
        elif chance < refused + rescued + traffic.error:
            labels = {names.OUTCOME: "error", names.ERROR_TYPE: self._random.choice(("429", "529", "timeout"))}
            self._add(names.OPERATIONS, {**traffic.base, **labels}, 1, traffic.service)
        else:
            outcome = self._random.choices(("completed", "tool_call", "truncated", "incomplete"), (78, 17, 3, 2))[0]
            self._add(names.OPERATIONS, {**traffic.base, names.OUTCOME: outcome}, 1, traffic.service)

    def _declined(self, traffic: Traffic, outcome: str, ago: int) -> None:
        kind = self._random.choices(traffic.kinds, [kind.weight for kind in traffic.kinds])[0]
        base, service = traffic.base, traffic.service
        what = {names.CATEGORY: kind.category, names.STAGE: kind.stage}
        self._add(names.OPERATIONS, {**base, names.OUTCOME: outcome}, 1, service)
        refusal = {**base, **what, names.OUTCOME: outcome, names.SOURCE: kind.source}
        self._add(names.REFUSALS, refusal, 2 if self._random.random() < 0.1 else 1, service)
        mid_stream = kind.stage == "mid_stream"
        self._add(names.DISCARDED_INPUT_TOKENS, {**base, **what}, self._random.randint(400, 6000), service)
        output = self._random.randint(40, 1800) if mid_stream and outcome == "refused" else 0
        self._add(names.DISCARDED_OUTPUT_TOKENS, {**base, **what}, output, service)
        seconds = self._random.lognormvariate(1.6 if mid_stream else 0.1, 0.5)
        self._observe(names.TIME_TO_REFUSAL, {**base, names.STAGE: kind.stage}, seconds, service)

        if outcome == "refused" and ago >= traffic.decides_until:
            self._decided(traffic, kind.category)

    def _decided(self, traffic: Traffic, category: str) -> None:
        """One disposition, where the traffic has any."""
        if traffic.decides:
            weights = range(len(traffic.decides), 0, -1)
            disposition = self._random.choices(traffic.decides, weights)[0]
            about = {name: value for name, value in traffic.base.items() if name in names.DISPOSITIONS.attributes}
            what = {names.CATEGORY: category, names.DISPOSITION: disposition}
            self._add(names.DISPOSITIONS, {**about, **what}, 1, traffic.service)

    def _unknown(self, traffic: Traffic, signal: str, now: int) -> None:
        base, service = traffic.base, traffic.service
        self._decided(traffic, "unspecified")
        self._add(names.OPERATIONS, {**base, names.OUTCOME: "unknown"}, 1, service)
        self._add(names.UNKNOWN_STOP_REASONS, {**base, names.SIGNAL: signal}, 1, service)
        labels = {name: value for name, value in base.items() if name in names.UNKNOWN_LAST_SEEN.attributes}
        key = self._key(names.UNKNOWN_LAST_SEEN, {**labels, names.SIGNAL: signal}, service)
        self._values[key] = now - 7

    def _servers(self, ago: int, step: int) -> None:
        """What Prometheus, Alertmanager and the Collector tell of themselves; one export failed and was retried."""
        for job, rates in SELF.items():
            for name, rate in rates.items():
                self._self(f"{name}_total", job, rate * step / MINUTE)
        if ago == 200 * MINUTE:
            self._self("otelcol_exporter_send_failed_metric_points_total", "otel-collector", 310)
        for exporter, share in (("otlp_http/prometheus", 0.02), ("otlp_http/jaeger", 0.01)):
            labels = (("exporter", exporter), ("job", "otel-collector"), ("instance", "otel-collector-1"))
            full = 0.4 if 200 * MINUTE <= ago < 210 * MINUTE else share * self._random.random()
            self._gauge("otelcol_exporter_queue_size", labels, round(full * 1000))
            self._gauge("otelcol_exporter_queue_capacity", labels, 1000)
        for group in GROUPS:
            labels = (
                ("rule_group", f"refusals.rules.yml;{group}"),
                ("job", "prometheus"),
                ("instance", "prometheus-1"),
            )
            self._gauge("prometheus_rule_group_last_duration_seconds", labels, 0.02 + 0.002 * self._random.random())
            self._gauge("prometheus_rule_group_interval_seconds", labels, 60)
        for workload, share in OVERRIDE.items():
            override = ((names.prometheus_label(names.WORKLOAD), workload), ("job", "rules"))
            self._gauge("workload:refusal_ratio_threshold:override", override, share)

    def _add(self, metric: Metric, attributes: Mapping[str, str], amount: float, service: str) -> None:
        key = self._key(metric, attributes, service)
        self._values[key] = self._values.get(key, 0) + amount

    def _observe(self, metric: Metric, attributes: Mapping[str, str], value: float, service: str) -> None:
        name, labels = self._key(metric, attributes, service)
        at = bisect_left(names.TIME_BUCKETS, value)
        bounds = [*(f"{bound:g}" for bound in names.TIME_BUCKETS), "+Inf"]
        for index, bound in enumerate(bounds):
            key = (f"{name}_bucket", (*labels, ("le", bound)))
            self._values[key] = self._values.get(key, 0) + (index >= at)
        for suffix, amount in (("_count", 1.0), ("_sum", value)):
            key = (name + suffix, labels)
            self._values[key] = self._values.get(key, 0) + amount

    def _key(self, metric: Metric, attributes: Mapping[str, str], service: str) -> tuple[str, Labels]:
        self._types.setdefault(metric.prometheus.removesuffix("_total"), metric.instrument)
        labels = {names.prometheus_label(name): value for name, value in attributes.items()}
        return metric.prometheus, (*labels.items(), ("job", service), ("instance", f"{service}-1"))

    def _self(self, name: str, job: str, amount: float) -> None:
        self._types.setdefault(name.removesuffix("_total"), "counter")
        key = (name, (("job", job), ("instance", f"{job}-1")))
        self._values[key] = self._values.get(key, 0) + amount

    def _gauge(self, name: str, labels: Labels, value: float) -> None:
        self._types.setdefault(name, "gauge")
        self._values[name, labels] = value

    def _poisson(self, mean: float) -> int:
        """How many calls a step has: arrivals at random, as many an hour as the traffic says."""
        gaps = accumulate(self._random.expovariate(1) for _ in range(int(mean * 4) + 30))
        return sum(1 for at in gaps if at < mean)


def _family(name: str, types: Mapping[str, str]) -> str:
    """The family of a sample's name."""
    for suffix in ("", "_total", "_bucket", "_count", "_sum"):
        if name.endswith(suffix) and (family := name.removesuffix(suffix)) in types:
            return family
    raise ValueError(f"a sample of no family: {name}")
