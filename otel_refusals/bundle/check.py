"""Asks a running Prometheus whether the bundle sees anything: the series, the rules, and each panel's queries."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from otel_refusals import names
from otel_refusals.bundle import promql
from otel_refusals.bundle.documents import Dashboard, Json, RuleFile
from otel_refusals.bundle.prometheus import Prometheus
from otel_refusals.bundle.series import label_name, metric_name, series_names
from otel_refusals.bundle.server import RefusedError, ServerError

State = Literal["ok", "waiting", "failed"]
"""`waiting`: nothing is wrong, but what it shows has not happened yet."""

_DURATIONS = {"__rate_interval": "5m", "__interval": "1m", "__range": "24h"}
_ANYTHING = re.compile(r'\w+=~"\.\*"(, *)?')
_VARIABLE = re.compile(r"\$\{(\w+)(?::[^}]*)?\}|\$(\w+)")


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one thing.

    Attributes:
        area: What kind of thing it is.
        subject: Its name.
        detail: What is the matter and what to do; empty where it is in order.
    """

    area: Literal["series", "rules", "panels"]
    subject: str
    state: State
    detail: str = ""


def check(
    prometheus: Prometheus, rules: Sequence[RuleFile], dashboards: Sequence[Dashboard], cluster_label: str | None = None
) -> Iterator[Finding]:
    """Find out about everything, one after the other.

    Raises:
        ServerError: when the server gives no usable answer at all.
    """
    yield from _series(prometheus, cluster_label)
    yield from _rules(prometheus, [file for file in rules if not file.optional])
    store = _Store(prometheus)
    for dashboard in dashboards:
        values = _variables(dashboard.model)
        for panel in panels(dashboard.model):
            queries = [_filled(target["expr"], values) for target in panel.get("targets", []) if target.get("expr")]
            if queries:
                yield Finding("panels", f"{dashboard.title} / {panel['title']}", *_panel(prometheus, queries, store))


def _series(prometheus: Prometheus, cluster_label: str | None) -> Iterator[Finding]:
    there = prometheus.metric_names(".*refusal[._](client|instrumentation).*")
    operations = metric_name(names.OPERATIONS)
    for metric in names.METRICS:
        wanted = series_names(metric)
        if there.issuperset(wanted):
            yield Finding("series", metric_name(metric), "ok")
        elif metric is names.OPERATIONS:
            yield Finding("series", operations, "failed", _no_operations(sorted(there)))
        else:
            yield Finding("series", metric_name(metric), "waiting", f"not seen yet: {metric.brief}")
    if operations in there:
        labels = [label_name(attribute) for attribute in (*names.BASE, names.OUTCOME)]
        yield _labels(prometheus, operations, [*labels, *([cluster_label] if cluster_label else [])])


def _no_operations(others: list[str]) -> str:
    if others:
        return (
            f"there is {', '.join(others[:3])} instead: names are translated in another way. Let Prometheus translate "
            "with otlp.translation_strategy: UnderscoreEscapingWithSuffixes, and the Collector's exporters for "
            "Prometheus with add_metric_suffixes: true and no namespace"
        )
    return (
        "no operation has arrived. Is an application running with otel-refusals, does it export metrics "
        "(OTEL_METRICS_EXPORTER, OTEL_EXPORTER_OTLP_ENDPOINT), and does this server scrape it or receive its OTLP? "
        "Metrics are sent once a minute by default"
    )


def _labels(prometheus: Prometheus, operations: str, wanted: Sequence[str]) -> Finding:
    missing = set(wanted) - prometheus.label_names(operations)
    if not missing:
        return Finding("series", f"labels of {operations}", "ok")
    why = f"without {', '.join(sorted(missing))}: a processor or a relabelling drops them, or nothing adds them"
    return Finding("series", f"labels of {operations}", "failed", why)


def _rules(prometheus: Prometheus, files: Sequence[RuleFile]) -> Iterator[Finding]:
    try:
        loaded = prometheus.rules()
    except RefusedError as error:
        remedy = "ask the one that evaluates the rules, or with VictoriaMetrics set -vmalert.proxyURL"
        yield Finding("rules", "all of them", "failed", f"{error}; this server does not tell its rules: {remedy}")
        return
    count = Counter(rule.name for rule in loaded)
    wanted = Counter(_name(rule) for file in files for group in file.groups for rule in group["rules"])
    for name, times in wanted.items():
        same = [rule for rule in loaded if rule.name == name]
        errors = [rule.error for rule in same if rule.error]
        if count[name] < times:
            yield Finding("rules", name, "failed", "not loaded: otel-refusals bundle load, or export and rule_files")
        elif count[name] > times:
            why = f"loaded {count[name]} times instead of {times}: it fires as often; take the files out of one place"
            yield Finding("rules", name, "failed", why)
        elif errors:
            yield Finding("rules", name, "failed", f"does not evaluate: {errors[0]}")
        elif any(rule.health == "unknown" for rule in same):
            yield Finding("rules", name, "waiting", "loaded, but not evaluated yet")
        else:
            yield Finding("rules", name, "ok")


class _Store:
    """Which selectors match anything in the last day; each is asked once."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._matches: dict[str, bool] = {}

    def missing(self, query: str) -> list[str]:
        """What a query reads and does not find."""
        selectors = promql.selectors(query)
        for selector in selectors:
            if selector not in self._matches:
                self._matches[selector] = bool(self._prometheus.query(f"group(last_over_time({selector}[1d]))"))
        missing = [selector for selector in selectors if not self._matches[selector]]
        return [_ANYTHING.sub("", selector).replace("{}", "") for selector in missing]


def _panel(prometheus: Prometheus, queries: Sequence[str], store: _Store) -> tuple[State, str]:
    """`ok` where every query gives something."""
    for query in queries:
        try:
            if prometheus.query(query):
                continue
            missing = store.missing(query)
        except ServerError as error:
            return "failed", f"{error}: {query}"
        return "waiting", f"no {missing[0]} yet" if missing else "what it shows has not happened yet"
    return "ok", ""


def panels(model: Json) -> Iterator[Json]:
    """The panels of a dashboard, those in collapsed rows too."""
    for panel in model["panels"]:
        yield panel
        yield from panel.get("panels", [])


def _filled(query: str, values: Mapping[str, str]) -> str:
    """The query with its variables filled in."""
    return _VARIABLE.sub(lambda found: values.get(found[1] or found[2], ".*"), query)


def _variables(model: Json) -> dict[str, str]:
    """What Grafana puts for a variable when `All` is chosen, or what is chosen at first where there is no `All`."""
    values = dict(_DURATIONS)
    for variable in model["templating"]["list"]:
        chosen: Any = variable.get("current", {}).get("value")
        if variable["type"] in ("custom", "textbox", "constant", "interval") and isinstance(chosen, str):
            values[variable["name"]] = chosen
    return values


def _name(rule: Json) -> str:
    return str(rule.get("record") or rule["alert"])
