"""*Workload*: is it real, what is refused, which part of the workload, what it costs, and the evidence."""

from __future__ import annotations

from urllib.parse import quote

from dashboards.generator import queries as q
from dashboards.generator.alerts import when_it_fired
from dashboards.generator.page import WORKLOAD, Row, page
from dashboards.generator.panels import Column, Json, Query, stat, table, text, timeseries
from dashboards.generator.style import (
    BLUE,
    GREY,
    NO_OPERATIONS,
    NO_RULES,
    NO_TELEMETRY,
    ORANGE,
    OUTCOME_COLORS,
    PLAIN,
    PURPLE,
    RED,
    SILENT,
    STAGE_COLORS,
    YELLOW,
)
from otel_refusals.names import DISCARDED_INPUT_TOKENS, DISCARDED_OUTPUT_TOKENS, REFUSALS, TIME_TO_REFUSAL, Metric

NO_REFUSALS = "No refusals in the time shown"
SERVICE = "job"
"""The service name for metrics that were sent by OTLP, the job of the scrape for those that were scraped."""


def dashboard() -> Json:
    """The page."""
    return page(
        WORKLOAD,
        "One workload, or a few: whether its refusals are more than chance, what they are, where they come from, what "
        "they cost, and the calls behind them.",
        (
            Row(
                "Is it real?",
                5,
                (
                    (3, _operations()),
                    (3, _refused()),
                    (3, _rate_now()),
                    (3, _at_least()),
                    (3, _of_threshold()),
                    (3, _usual()),
                    (3, _z_score()),
                    (3, _unknown()),
                ),
            ),
            Row("", 9, ((16, _rate()), (8, _outcomes()))),
            Row(
                "What is refused?",
                8,
                ((8, _declines_by_category()), (8, _declines_by_stage()), (8, _declines_by_source())),
            ),
            Row("Which part of it?", 7, ((12, _models()), (12, _services()))),
            Row("What does it cost?", 8, ((8, _discarded_output()), (8, _discarded_input()), (8, _time_to_refusal()))),
            Row("The evidence", 9, ((10, _exemplars()), (7, when_it_fired()), (7, _how_to_find_a_call()))),
        ),
        variables=[
            {
                "type": "datasource",
                "name": "traces",
                "label": "Traces",
                "query": "jaeger",
                "description": "A Jaeger, for the links to the calls behind a refusal. Without one they lead nowhere.",
            }
        ],
    )


def _operations() -> Json:
    return stat(
        "Operations, 1 h",
        "GenAI operations of the last hour, however they ended.",
        "locale",
        q.counted(q.operations("1h"), q.REPORTED),
        empty=NO_TELEMETRY,
        below=PLAIN,
        words=SILENT,
        trend=True,
        decimals=0,
    )


def _refused() -> Json:
    return stat(
        "Refused, 1 h",
        "Operations of the last hour that were declined and that no fallback answered.",
        "short",
        q.counted(q.operations("1h", "refused"), q.REPORTED),
        empty=NO_TELEMETRY,
        below=RED,
        words=SILENT,
        trend=True,
        decimals=0,
    )


def _rate_now() -> Json:
    return stat(
        "Refusal rate, 1 h",
        "Refused operations of the last hour as a share of the answered ones (errors left out).",
        "percentunit",
        q.refusal_rate(),
        empty=NO_OPERATIONS,
        below=RED,
        trend=True,
        decimals=1,
    )


def _at_least() -> Json:
    return stat(
        "At least",
        "Wilson lower bound (z = 3) of the refusal rate of the selection: chance alone does not explain less.",
        "percentunit",
        q.wilson_lower(),
        empty=NO_RULES,
        below=PLAIN,
        decimals=1,
    )


def _of_threshold() -> Json:
    return stat(
        "Of threshold",
        "Wilson lower bound of the worst model, as a share of the workload's own threshold; the largest of those "
        "selected. Above 100 % it is more than chance and more than agreed: the alert fires.",
        "percentunit",
        f"max({q.of_threshold()})",
        empty=NO_RULES,
        steps=((0.5, YELLOW), (1, RED)),
        loud=True,
        decimals=0,
    )


def _usual() -> Json:
    return stat(
        "Usual",
        "Refusal rate of the 7 days before the last hour.",
        "percentunit",
        q.baseline(),
        empty="no history yet",
        below=PLAIN,
        decimals=1,
    )


def _z_score() -> Json:
    return stat(
        "Change, z",
        "How many standard errors the last two hours are away from the workload's own 7 days; the largest of the "
        "selected workloads. From 4 it is a change, not chance.",
        "none",
        f"max({q.Z_SCORE})",
        empty="no history yet",
        steps=((4, RED),),
        loud=True,
        decimals=1,
    )


def _unknown() -> Json:
    return stat(
        "Unknown, 24 h",
        "Operations of the last 24 hours that ended with a stop reason no reader knows.",
        "short",
        q.counted(q.operations("24h", "unknown"), q.REPORTED),
        empty=NO_TELEMETRY,
        steps=((0.5, RED),),
        words={**SILENT, 0: ("none", "green")},
        loud=True,
        decimals=0,
    )


def _rate() -> Json:
    return timeseries(
        "Refusal rate against its threshold and its usual",
        "Share of the last hour's answered operations at each moment. At least: Wilson lower bound (z = 3) for the "
        "selection as a whole. Usual: the 7 days before. Errors: what an error dashboard shows.",
        "percentunit",
        [
            Query(q.refusal_rate(), "Refused", RED),
            Query(q.wilson_lower(), "At least", "light-red", dashed=True),
            Query(f"min({q.THRESHOLD})", "Threshold", YELLOW, dashed=True),
            Query(q.baseline(), "Usual (7 days)", GREY, dashed=True),
            Query(q.error_rate(), "Errors", ORANGE),
        ],
        empty=NO_OPERATIONS,
    )


def _outcomes() -> Json:
    return timeseries(
        "Operations by outcome",
        "How many operations of the last hour ended how, at each moment.",
        "short",
        [Query(q.operations("1h", by=(q.OUTCOME,)), f"{{{{{q.OUTCOME}}}}}")],
        empty=NO_OPERATIONS,
        stacked="normal",
        last=False,
        colors=OUTCOME_COLORS,
    )


def _declines(title: str, description: str, label: str, colors: dict[str, str] | None = None) -> Json:
    return timeseries(
        title,
        f"{description} Declines of the last hour at each moment, every fallback hop and refused choice counted.",
        "short",
        [Query(q.total(REFUSALS, "1h", by=(label,)), f"{{{{{label}}}}}")],
        empty=NO_REFUSALS,
        stacked="normal",
        last=False,
        colors=colors,
    )


def _declines_by_category() -> Json:
    return _declines("By category", "What was declined.", q.CATEGORY)


def _declines_by_stage() -> Json:
    return _declines("By stage", "Before any output, or mid-stream: the user saw a part.", q.STAGE, STAGE_COLORS)


def _declines_by_source() -> Json:
    colors = {"model": BLUE, "classifier": PURPLE, "guardrail": YELLOW, "unknown": GREY}
    return _declines(
        "By who declined", "The model, the provider's classifier, or a guardrail of yours.", q.SOURCE, colors
    )


def _models() -> Json:
    rows = (q.PROVIDER, q.MODEL, q.OPERATION)
    return table(
        "Models and operations, last hour",
        "Which model and which kind of operation is refused.",
        dict(zip(rows, ("Provider", "Model", "Operation"), strict=True)),
        [
            Column("Operations", q.operations("1h", by=rows), decimals=0),
            Column("Refused", q.operations("1h", "refused", rows), decimals=0),
            Column("Refusal rate", q.refusal_rate(rows), "percentunit", decimals=1),
            Column("Rescued", q.operations("1h", "rescued", rows), decimals=0),
        ],
        empty=NO_OPERATIONS,
        sort="Refused",
        widths={"Provider": 110, "Model": 165, "Operation": 100},
    )


def _services() -> Json:
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


def _discarded(metric: Metric, title: str, description: str) -> Json:
    return timeseries(
        title,
        description,
        "short",
        [Query(q.total(metric, "1h", by=(q.CATEGORY,)), f"{{{{{q.CATEGORY}}}}}")],
        empty="No tokens were discarded in the time shown",
        stacked="normal",
        last=False,
    )


def _discarded_output() -> Json:
    return _discarded(
        DISCARDED_OUTPUT_TOKENS,
        "Discarded output tokens, per hour",
        "Output tokens of the last hour that were generated, billed and have to be thrown away, at each moment. Where "
        "the vendor gives no usage there is nothing to count.",
    )


def _discarded_input() -> Json:
    return _discarded(
        DISCARDED_INPUT_TOKENS,
        "Discarded input tokens, per hour",
        "Input tokens of the last hour that were billed for operations that were declined, at each moment.",
    )


def _time_to_refusal() -> Json:
    buckets = f"{TIME_TO_REFUSAL.prometheus}_bucket{{{q.SELECTED}}}"

    def quantile(fraction: float) -> str:
        return f"histogram_quantile({fraction}, sum by (le) (rate({buckets}[1h])))"

    return timeseries(
        "Time until the refusal was known",
        "From the call to the moment when the decline was known, for the declines of the last hour: how long a user "
        "waits for nothing.",
        "s",
        [Query(quantile(0.5), "half within", BLUE), Query(quantile(0.95), "95 % within", PURPLE)],
        empty=NO_REFUSALS,
        fill=0,
    )


def _exemplars() -> Json:
    return timeseries(
        "Declines, with a trace behind each mark",
        "Declines of the last hour by model, at each moment. Each diamond is an exemplar: a click opens the trace of "
        "the very call. Exemplars come by OTLP; a plain scrape carries none.",
        "short",
        [Query(q.total(REFUSALS, "1h", by=(q.MODEL,)), f"{{{{{q.MODEL}}}}}", exemplars=True)],
        empty=NO_REFUSALS,
        fill=0,
    )


def _how_to_find_a_call() -> Json:
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
