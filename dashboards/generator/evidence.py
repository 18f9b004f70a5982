"""From a number to the calls behind it."""

from __future__ import annotations

from urllib.parse import quote

from dashboards.generator import queries as q
from dashboards.generator.fields import Json
from dashboards.generator.panels import Query, text, timeseries
from dashboards.generator.style import NO_OPERATIONS, NO_REFUSALS, RED
from dashboards.generator.tables import Column, table
from otel_refusals.names import REFUSALS

SERVICE = "job"
"""The service name for metrics that were sent by OTLP, the job of the scrape for those that were scraped."""


def services() -> Json:
    """Who makes the calls, with a way to their traces."""
    rows = (SERVICE, q.WORKLOAD)
    return table(
        "Services, last hour",
        "Which service makes the calls: the service name on the OTLP path, the job of the scrape otherwise. A click "
        "searches its traces for refusals.",
        dict(zip(rows, ("Service", "Workload"), strict=True)),
        [
            Column("Operations", q.operations("1h", by=rows), decimals=0),
            Column("Refused", q.operations("1h", "refused", rows), decimals=0),
            Column("Refusal rate", q.refusal_rate(rows), "percentunit", decimals=1),
            Column("Unknown", q.operations("1h", "unknown", rows), steps=((0.5, RED),), decimals=0),
        ],
        empty=NO_OPERATIONS,
        sort="Refused",
        links={"Service": ("Traces of refusals", _traces_url())},
    )


def _traces_url() -> str:
    """Explore on the trace data source, searching the service of the row for refused calls."""
    panes = (
        '{"traces":{"datasource":"<traces>","queries":[{"refId":"A","datasource":{"type":"jaeger","uid":"<traces>"},'
        '"queryType":"search","service":"<service>","tags":"refusal.outcome=refused","limit":50}],'
        '"range":{"from":"<from>","to":"<to>"}}}'
    )
    url = "/explore?schemaVersion=1&panes=" + quote(panes, safe="<>")
    for place, variable in (
        ("<traces>", "${traces}"),
        ("<service>", "${__value.raw:percentencode}"),
        ("<from>", "${__from}"),
        ("<to>", "${__to}"),
    ):
        url = url.replace(place, variable)
    return url


def exemplars() -> Json:
    """Declines, marked with their traces."""
    return timeseries(
        "Declines, with a trace behind each mark",
        "Declines of the last hour by model, at each moment. Each diamond is an exemplar: a click opens the trace of "
        "the very call. Exemplars come by OTLP; a plain scrape carries none.",
        "short",
        [Query(q.total(REFUSALS, "1h", by=(q.MODEL,)), f"{{{{{q.MODEL}}}}}", exemplars=True)],
        empty=NO_REFUSALS,
        fill=0,
    )


def how_to_find_a_call() -> Json:
    """What to search for."""
    return text(
        "How to find the calls",
        "Where a refusal left its traces.",
        "- **A diamond** in the graph beside this opens the trace of one call.\n"
        "- **A service** in the table above opens its traces with `refusal.outcome=refused`.\n"
        "- In any trace store, search for the span attributes `refusal.outcome` (`refused`, `rescued`, `unknown`), "
        "`refusal.workload`, `refusal.category` and `refusal.signal`, the vendor's own word.\n"
        "- In any log store, search for the events `refusal.detected` and `refusal.unknown_stop_reason`.\n\n"
        "The span's status is OK and there is no `error.type`: a refusal is a success to HTTP.",
    )
