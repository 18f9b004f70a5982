"""*Pipeline health*: whether the other two pages can be believed, from the instrumentation to the notification."""

from __future__ import annotations

from dashboards.generator import queries as q
from dashboards.generator import servers
from dashboards.generator.fields import Json
from dashboards.generator.page import PIPELINE, Row, page, workload_url
from dashboards.generator.panels import Query, stat, timeseries
from dashboards.generator.style import (
    BLUE,
    GREEN,
    GREY,
    NO_OPERATIONS,
    NO_REFUSALS,
    NO_TELEMETRY,
    ORANGE,
    PURPLE,
    RED,
    SILENT,
    YELLOW,
)
from dashboards.generator.tables import Column, table
from otel_refusals.labels import OTHER
from otel_refusals.names import INSTRUMENTATION_ERRORS, OPERATIONS, REFUSALS, TIME_TO_REFUSAL, UNKNOWN_STOP_REASONS


def dashboard() -> Json:
    """The page."""
    return page(
        PIPELINE,
        "Whether the numbers can be trusted: what the instrumentation, the Collector, Prometheus and Alertmanager lose "
        "or fail to do. Data that a Collector refuses has nothing to do with models that refuse.",
        (
            Row(
                "Can the numbers be trusted?",
                4,
                (
                    (3, _watchdog()),
                    (3, _silent_workloads()),
                    (3, _instrumentation_errors()),
                    (3, _overflow()),
                    (3, _uncounted()),
                    (3, servers.data_lost()),
                    (3, servers.rule_failures()),
                    (3, servers.undelivered()),
                ),
            ),
            Row("Instrumentation", 8, ((10, _last_seen()), (7, _agreement()), (7, _errors()))),
            Row("", 7, ((8, _series()), (8, _other()), (8, _unnamed()))),
            Row("Collector", 8, ((8, servers.accepted()), (8, servers.lost()), (8, servers.queue()))),
            Row(
                "Prometheus and Alertmanager",
                8,
                ((8, servers.evaluations()), (8, servers.durations()), (8, servers.notifications())),
            ),
        ),
    )


def _watchdog() -> Json:
    return stat(
        "Watchdog",
        "An alert that always fires: where it does not, the rules are not loaded or not evaluated, and no alert would "
        "come. Red if absent.",
        "short",
        f"count({q.WATCHDOG}) or vector(0)",
        empty=NO_TELEMETRY,
        words={0: ("no rules run", RED), 1: ("on duty", GREEN)},
        loud=True,
    )


def _silent_workloads() -> Json:
    by = f"by ({q.WORKLOAD})"
    series = f"{OPERATIONS.prometheus}{{{q.SELECTED}}}"
    silent = f"group {by} (last_over_time({series}[1d])) unless group {by} (last_over_time({series}[15m]))"
    return stat(
        "Silent workloads",
        "Workloads that reported within 24 hours and have not for 15 minutes: their export is dead, or their job is "
        "done.",
        "short",
        q.counted(f"count({silent})", q.REPORTED),
        empty=NO_TELEMETRY,
        steps=((1, ORANGE),),
        words={**SILENT, 0: ("none", GREEN)},
        loud=True,
    )


def _instrumentation_errors() -> Json:
    return stat(
        "Own errors, 24 h",
        "Failures of this instrumentation that were kept from the callers. Each may be an operation that was not "
        "counted.",
        "short",
        q.counted(q.total(INSTRUMENTATION_ERRORS, "24h", selected=False), q.REPORTED),
        empty=NO_TELEMETRY,
        steps=((0.5, RED),),
        words={**SILENT, 0: ("none", GREEN)},
        loud=True,
        decimals=0,
    )


def _overflow() -> Json:
    return stat(
        "Under _OTHER, 24 h",
        f"Operations whose model or workload was past its cap or of a hostile shape, and went under {OTHER}: the "
        "tables do not tell them apart.",
        "short",
        q.counted(f"sum({_overflowed(q.MODEL, '24h')} or {_overflowed(q.WORKLOAD, '24h')})", q.REPORTED),
        empty=NO_TELEMETRY,
        steps=((0.5, ORANGE),),
        words={**SILENT, 0: ("none", GREEN)},
        loud=True,
        decimals=0,
    )


def _uncounted() -> Json:
    declined = q.operations("24h", "refused|rescued")
    timed = q.total(TIME_TO_REFUSAL, "24h")
    return stat(
        "Counts differ, 24 h",
        "Operations that were declined and whose refusal was not timed, as a share: the two are written together, so "
        "anything but 0 means lost or doubled exports.",
        "percentunit",
        f"abs({declined} - {timed}) / ({declined} > 0) or 0 * count({q.REPORTED})",
        empty=NO_TELEMETRY,
        steps=((0.02, YELLOW), (0.05, RED)),
        loud=True,
        decimals=1,
    )


def _overflowed(label: str, window: str) -> str:
    """Operations by series whose label is past its cap."""
    return q.events(OPERATIONS, window, f'{label}="{OTHER}"', selected=False)


def _last_seen() -> Json:
    series = f"{OPERATIONS.prometheus}{{{q.SELECTED}}}"
    # The subquery finds the ones that are gone, to the minute; the plain one is exact for those that are not.
    seen = f"timestamp({series}) or max_over_time(timestamp({series})[1d:1m])"
    by = (q.WORKLOAD,)
    return table(
        "Workloads, last seen",
        "When telemetry of each workload last came, whether it was called or not, and how much it is called. A process "
        "reports as long as it lives, by default once a minute.",
        {q.WORKLOAD: "Workload"},
        [
            Column("Last seen ago", f"time() - max by ({q.WORKLOAD}) ({seen})", "s", ((300, YELLOW), (900, ORANGE)), 0),
            Column("Operations, 1 h", q.operations("1h", by=by), decimals=0),
            Column("Operations, 24 h", q.operations("24h", by=by), decimals=0),
        ],
        empty=NO_OPERATIONS,
        sort="Last seen ago",
        links={"Workload": ("Workload", workload_url("workload=${__value.raw}"))},
    )


def _agreement() -> Json:
    return timeseries(
        "Operations and refusals agree",
        "Of the last hour, at each moment. Declined operations and timed ones are the same number; declines are as "
        "many or more, since an operation holds one per fallback hop and refused choice.",
        "short",
        [
            Query(q.operations("1h", "refused|rescued"), "operations declined", BLUE),
            Query(q.total(TIME_TO_REFUSAL, "1h"), "of them timed", YELLOW, dashed=True),
            Query(q.total(REFUSALS, "1h"), "declines", PURPLE),
        ],
        empty=NO_REFUSALS,
        fill=0,
    )


def _errors() -> Json:
    by = (q.VENDOR, q.ERROR_TYPE)
    return timeseries(
        "Instrumentation errors",
        "Failures of this instrumentation in the last hour, by the SDK it was reading and the exception, at each "
        "moment. They are kept from the callers.",
        "short",
        [Query(q.total(INSTRUMENTATION_ERRORS, "1h", "", by, selected=False), f"{{{{{by[0]}}}}} {{{{{by[1]}}}}}")],
        empty="None: the instrumentation has not failed in the time shown",
        stacked="normal",
    )


def _series() -> Json:
    count = 'count by (__name__) ({__name__=~"refusal_(client|instrumentation)_.+"})'
    return timeseries(
        "Series, by metric",
        "How many series our metrics have. They grow with models x workloads x outcomes, up to the caps.",
        "short",
        [Query(f'label_replace({count}, "metric", "$1", "__name__", "refusal_(.+)")', "{{metric}}")],
        empty=NO_TELEMETRY,
        stacked="normal",
        last=False,
    )


def _other() -> Json:
    signals = q.events(UNKNOWN_STOP_REASONS, "1h", f'{q.SIGNAL}="{OTHER}"', selected=False)
    return timeseries(
        f"Operations under {OTHER}",
        "Operations of the last hour, at each moment, whose model, workload or stop reason was past its cap or of a "
        "hostile shape. Raise OTEL_REFUSALS_MAX_LABEL_VALUES, or find who sends so many.",
        "short",
        [
            Query(f"sum({_overflowed(q.MODEL, '1h')}) or vector(0)", "model", BLUE),
            Query(f"sum({_overflowed(q.WORKLOAD, '1h')}) or vector(0)", "workload", PURPLE),
            Query(f"sum({signals}) or vector(0)", "stop reason", ORANGE),
        ],
        empty=NO_TELEMETRY,
    )


def _unnamed() -> Json:
    unnamed = q.total(OPERATIONS, "1h", f'{q.WORKLOAD}="unspecified"')
    return timeseries(
        "Operations that name no workload",
        "Share of the last hour's operations whose workload is unspecified: refusals of these point at nobody. "
        "Name them with OTEL_REFUSALS_WORKLOAD or otel_refusals.workload().",
        "percentunit",
        [Query(q.share(unnamed, q.operations("1h")), "unspecified", GREY)],
        empty=NO_OPERATIONS,
        maximum=1,
    )
