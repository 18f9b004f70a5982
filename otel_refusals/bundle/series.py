"""The names of metrics and labels in Prometheus, made from those in OpenTelemetry by its rules of translation."""

from __future__ import annotations

from otel_refusals.names import Metric

_UNITS = {"s": "_seconds"}


def metric_name(metric: Metric) -> str:
    """The metric's name; a histogram's without `_bucket`, `_count` and `_sum`."""
    suffix = _UNITS.get(metric.unit, "") + ("_total" if metric.instrument == "counter" else "")
    return label_name(metric.name) + suffix


def series_names(metric: Metric) -> tuple[str, ...]:
    """The names of the series that the metric has."""
    name = metric_name(metric)
    return (
        tuple(f"{name}_{part}" for part in ("bucket", "count", "sum")) if metric.instrument == "histogram" else (name,)
    )


def label_name(attribute: str) -> str:
    """The label that an attribute becomes."""
    return attribute.replace(".", "_")
