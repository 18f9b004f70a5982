"""*Refusals overview*: is anything unhandled right now, where, of what kind, and what the error rate does not say."""

from __future__ import annotations

from dashboards.generator import queries as q
from dashboards.generator.alerts import count_of_firing, what_fires
from dashboards.generator.fields import Json
from dashboards.generator.page import OVERVIEW, Row, page, workload_url
from dashboards.generator.panels import Query, stat, timeseries
from dashboards.generator.rates import rate, rate_now, refused, unknown
from dashboards.generator.style import (
    BLUE,
    GREEN,
    NO_OPERATIONS,
    NO_REFUSALS,
    NO_RULES,
    NO_TELEMETRY,
    ORANGE,
    OUTCOME_COLORS,
    PLAIN,
    RED,
    SILENT,
    STAGE_COLORS,
    TRANSPARENT,
    UNWATCHED,
    YELLOW,
)
from dashboards.generator.tables import Column, matrix, table
from otel_refusals.names import (
    DISCARDED_INPUT_TOKENS,
    DISCARDED_OUTPUT_TOKENS,
    REFUSALS,
    UNKNOWN_LAST_SEEN,
    UNKNOWN_STOP_REASONS,
)

RECENT = ((900, ORANGE), (86400, TRANSPARENT))
"""Colours of an age, on top of red: the alert fires for 15 minutes."""

BY_WORKLOAD = (q.WORKLOAD,)
BY_MODEL = (q.PROVIDER, q.MODEL)


def dashboard() -> Json:
    """The page."""
    return page(
        OVERVIEW,
        "Whether refusals or unknown stop reasons go unhandled right now, where, and of what kind. A refusal is an "
        "answer with HTTP 200 and no usable output: no error rate shows it.",
        (
            Row(
                "Right now",
                5,
                (
                    (3, count_of_firing()),
                    (3, unknown()),
                    (3, _unknown_age()),
                    (3, _over_threshold()),
                    (3, refused()),
                    (3, rate_now()),
                    (3, _errors_now()),
                    (3, _rescued()),
                ),
            ),
            Row("", 9, ((14, rate()), (10, what_fires()))),
            Row("Where", 9, ((24, _workloads()),)),
            Row("", 8, ((14, _models()), (10, _near_threshold()))),
            Row("What", 9, ((8, _category_by_stage()), (8, _outcomes()), (8, _mid_stream()))),
            Row("", 7, ((16, _unknown_stop_reasons()), (8, _rescue()))),
        ),
    )


def _unknown_age() -> Json:
    return stat(
        "Last unknown",
        "How long ago an unknown stop reason was last seen, from the last-seen gauge, within 7 days. The alert "
        "fires for 15 minutes.",
        "s",
        f"time() - max(last_over_time({UNKNOWN_LAST_SEEN.prometheus}{{{q.SELECTED}}}[7d]))",
        empty="none in 7 days",
        steps=((900, ORANGE), (86400, PLAIN)),
        below=RED,
        decimals=0,
    )


def _over_threshold() -> Json:
    return stat(
        "Over threshold",
        "Workloads where even the Wilson lower bound of the refusal rate (z = 3, last hour) is above their threshold: "
        "more than chance.",
        "short",
        q.counted(f"count({q.of_threshold()} > 1)", q.THRESHOLD),
        empty=NO_RULES,
        steps=((1, RED),),
        words={**UNWATCHED, 0: ("none", GREEN)},
        loud=True,
    )


def _errors_now() -> Json:
    return stat(
        "Error rate, 1 h",
        "Operations of the same hour that ended in an error. This is all that an error dashboard sees: refusals are "
        "not in it.",
        "percentunit",
        q.error_rate(),
        empty=NO_OPERATIONS,
        below=ORANGE,
        trend=True,
        decimals=1,
    )


def _rescued() -> Json:
    return stat(
        "Rescued, 1 h",
        "Operations of the last hour that were declined and then answered by a fallback model.",
        "short",
        q.counted(q.operations("1h", "rescued"), q.REPORTED),
        empty=NO_TELEMETRY,
        below=BLUE,
        words=SILENT,
        trend=True,
        decimals=0,
    )


def _workloads() -> Json:
    worst = f"max by ({q.WORKLOAD}) ({q.WILSON_LOWER})"
    threshold = f"max by ({q.WORKLOAD}) ({q.THRESHOLD})"
    discarded = (
        f"sum by ({q.WORKLOAD}) ({q.total(DISCARDED_INPUT_TOKENS, '1h', '', BY_WORKLOAD)}"
        f" or {q.total(DISCARDED_OUTPUT_TOKENS, '1h', '', BY_WORKLOAD)})"
    )
    return table(
        "Workloads, last hour",
        "Which workload is refused. Worst model: the Wilson lower bound (z = 3) of its worst model's rate. Of "
        "threshold: that bound as a share of the workload's threshold; from 100 % the alert fires. Undecided: refused "
        "or unknown without a disposition, where the workload records any.",
        {q.WORKLOAD: "Workload"},
        [
            Column("Operations", q.operations("1h", by=BY_WORKLOAD), decimals=0),
            Column("Refused", q.operations("1h", "refused", BY_WORKLOAD), decimals=0),
            Column("Refusal rate", q.refusal_rate(BY_WORKLOAD), "percentunit", decimals=1),
            Column("Worst model", worst, "percentunit", decimals=1),
            Column("Of threshold", q.of_threshold(), "percentunit", ((0.5, YELLOW), (1, RED)), 0),
            Column("Threshold", threshold, "percentunit", decimals=1),
            Column("Usual (7 days)", q.baseline(q.WORKLOAD), "percentunit", decimals=1),
            Column("Error rate", q.error_rate(BY_WORKLOAD), "percentunit", decimals=1),
            Column("Rescued", q.operations("1h", "rescued", BY_WORKLOAD), decimals=0),
            Column("Unknown", q.operations("1h", "unknown", BY_WORKLOAD), steps=((0.5, RED),), decimals=0),
            Column("Undecided", q.UNDISPOSED, steps=((0.5, RED),), decimals=0),
            Column("Discarded tokens", discarded, decimals=0),
        ],
        empty=NO_OPERATIONS,
        sort="Of threshold",
        links={"Workload": ("Workload", workload_url("workload=${__value.raw}"))},
    )


def _models() -> Json:
    mid_stream = q.total(REFUSALS, "1h", f'{q.STAGE}="mid_stream"', BY_MODEL)
    return table(
        "Models, last hour",
        "Which model refuses. A click on a model opens the workload page for it.",
        {q.PROVIDER: "Provider", q.MODEL: "Model"},
        [
            Column("Operations", q.operations("1h", by=BY_MODEL), decimals=0),
            Column("Refused", q.operations("1h", "refused", BY_MODEL), decimals=0),
            Column("Refusal rate", q.refusal_rate(BY_MODEL), "percentunit", decimals=1),
            Column(
                "Mid-stream", q.share(mid_stream, q.total(REFUSALS, "1h", "", BY_MODEL), grouped=True), "percentunit"
            ),
            Column("Rescued", q.operations("1h", "rescued", BY_MODEL), decimals=0),
            Column("Unknown", q.operations("1h", "unknown", BY_MODEL), steps=((0.5, RED),), decimals=0),
        ],
        empty=NO_OPERATIONS,
        sort="Refused",
        links={
            "Model": (
                "Workloads of this model",
                workload_url("model=${__value.raw}", "provider=${__data.fields.Provider}"),
            ),
        },
        widths={"Model": 190},
    )


def _near_threshold() -> Json:
    return timeseries(
        "How near each workload is to its threshold",
        "Wilson lower bound of the refusal rate of the worst model, as a share of the workload's own threshold. Above "
        "100 % it is more than chance and more than agreed: the alert fires.",
        "percentunit",
        [Query(q.of_threshold(), f"{{{{{q.WORKLOAD}}}}}")],
        empty=NO_RULES,
        fill=0,
        last=False,
        steps=((1, RED),),
    )


def _category_by_stage() -> Json:
    return matrix(
        "Category and stage, in the time shown",
        "Declines by what was declined and when: before any output, or mid-stream, when the user has seen a part.",
        q.total(REFUSALS, "$__range", "", (q.CATEGORY, q.STAGE)),
        (q.CATEGORY, "Category"),
        q.STAGE,
        empty=NO_REFUSALS,
        steps=((0.5, "#e0b40044"), (10, "#ff780a66"), (50, "#f2495c99")),
    )


def _outcomes() -> Json:
    shares = f"{q.operations('1h', by=(q.OUTCOME,))} / on () group_left () ({q.operations('1h')} > 0)"
    return timeseries(
        "How operations end",
        "Share of each outcome in the operations of the last hour, at each moment.",
        "percentunit",
        [Query(shares, f"{{{{{q.OUTCOME}}}}}")],
        empty=NO_OPERATIONS,
        stacked="normal",
        last=False,
        maximum=1,
        colors=OUTCOME_COLORS,
    )


def _mid_stream() -> Json:
    return timeseries(
        "Declines by stage",
        "Declines of the last hour, at each moment. Mid-stream ones have shown the user a part of an answer, and cost "
        "output tokens that are thrown away.",
        "short",
        [Query(q.total(REFUSALS, "1h", "", (q.STAGE,)), f"{{{{{q.STAGE}}}}}")],
        empty=NO_REFUSALS,
        stacked="normal",
        colors=STAGE_COLORS,
    )


def _unknown_stop_reasons() -> Json:
    rows = (q.SIGNAL, q.PROVIDER, q.MODEL, q.WORKLOAD)
    seen = f"last_over_time({UNKNOWN_LAST_SEEN.prometheus}{{{q.SELECTED}}}[7d])"
    return table(
        "Unknown stop reasons, 7 days",
        "Values that vendors sent and that no reader knows. Decide what each means, and teach it with "
        "OTEL_REFUSALS_STOP_REASONS until a release knows it.",
        dict(zip(rows, ("Stop reason", "Provider", "Model", "Workload"), strict=True)),
        [
            Column("Last seen ago", f"time() - max by ({', '.join(rows)}) ({seen})", "s", RECENT, 0, RED),
            Column("Operations", q.total(UNKNOWN_STOP_REASONS, "7d", "", rows), decimals=0),
        ],
        empty="None in 7 days: every stop reason that came was a known one",
        sort="Last seen ago",
        descending=False,
        links={"Workload": ("Workload", workload_url("workload=${__value.raw}"))},
    )


def _rescue() -> Json:
    declined = q.operations("1h", "refused|rescued")
    return timeseries(
        "Rescued share of what was declined",
        "How many of the operations declined in the last hour a fallback model answered. A fall means that the "
        "fallback has stopped working.",
        "percentunit",
        [Query(q.share(q.operations("1h", "rescued"), declined), "Rescued", BLUE)],
        empty="Nothing was declined in the time shown",
        maximum=1,
    )
