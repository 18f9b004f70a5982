"""What the alert rules say, as panels."""

from __future__ import annotations

from dashboards.generator import queries as q
from dashboards.generator.fields import Json
from dashboards.generator.page import workload_url
from dashboards.generator.panels import Query, stat, timeseries
from dashboards.generator.style import BLUE, GREEN, NO_RULES, ORANGE, RED, UNWATCHED
from dashboards.generator.tables import Column, table

RUNBOOKS = "https://github.com/otel-refusals/otel-refusals/blob/main/alert_rules/runbooks"
SEVERITIES = {3.0: ("critical", RED), 2.0: ("warning", ORANGE), 1.0: ("info", BLUE)}

NOTHING_FIRES = "No alert fires. Whether the rules are loaded is on Pipeline health."


def count_of_firing() -> Json:
    """How many alerts want somebody."""
    return stat(
        "Alerts firing",
        "Critical and warning alerts about the selected workloads or about the pipeline.",
        "short",
        q.counted(f"count({q.firing()})", f"{q.WATCHDOG} or {q.THRESHOLD}"),
        empty=NO_RULES,
        steps=((1, RED),),
        words={**UNWATCHED, 0: ("none", GREEN)},
        loud=True,
    )


def what_fires() -> Json:
    """Which alerts, about what."""
    headers = {"alertname": "Alert", q.WORKLOAD: "Workload", q.MODEL: "Model", q.SIGNAL: "Stop reason"}
    about = f"group by ({', '.join(headers)})"
    severities = (f"{rank:g} * {about} ({q.firing(word)})" for rank, (word, _) in SEVERITIES.items())
    return table(
        "What fires",
        "Alerts that fire, of any severity. A click on an alert opens its runbook, on a workload its page.",
        headers,
        [Column("Severity", " or ".join(severities), words=SEVERITIES)],
        empty=NOTHING_FIRES,
        sort="Severity",
        links={
            "Alert": ("Runbook", f"{RUNBOOKS}/${{__value.raw}}.md"),
            "Workload": ("Workload", workload_url("workload=${__value.raw}")),
        },
        widths={"Severity": 80, "Alert": 200, "Workload": 90, "Model": 110},
    )


def when_it_fired() -> Json:
    """Alerts over time."""
    return timeseries(
        "When alerts fired",
        "How many of each alert fired at each moment, of any severity.",
        "short",
        [Query(f"count by (alertname) ({q.firing('.+')})", "{{alertname}}")],
        empty="No alert fired in the time shown",
        stacked="normal",
        last=False,
    )
