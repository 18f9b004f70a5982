"""*Workload*: is it real, what is refused, which part of the workload, what it costs, and the evidence."""

from __future__ import annotations

from dashboards.generator import queries as q
from dashboards.generator.alerts import when_it_fired
from dashboards.generator.evidence import exemplars, how_to_find_a_call, services
from dashboards.generator.fields import Json
from dashboards.generator.page import WORKLOAD, Row, page
from dashboards.generator.panels import Query, stat, timeseries
from dashboards.generator.rates import rate, rate_now, refused, unknown
from dashboards.generator.style import (
    BLUE,
    DISPOSITION_COLORS,
    GREY,
    NO_DISPOSITIONS,
    NO_OPERATIONS,
    NO_REFUSALS,
    NO_RULES,
    NO_TELEMETRY,
    OUTCOME_COLORS,
    PLAIN,
    PURPLE,
    RED,
    SILENT,
    STAGE_COLORS,
    YELLOW,
)
from dashboards.generator.tables import Column, table
from otel_refusals.names import DISCARDED_INPUT_TOKENS, DISCARDED_OUTPUT_TOKENS, REFUSALS, TIME_TO_REFUSAL, Metric


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
                    (3, refused()),
                    (3, rate_now()),
                    (3, _at_least()),
                    (3, _of_threshold()),
                    (3, _usual()),
                    (3, _z_score()),
                    (3, unknown()),
                ),
            ),
            Row("", 9, ((16, rate()), (8, _outcomes()))),
            Row(
                "What is refused?",
                8,
                ((8, _declines_by_category()), (8, _declines_by_stage()), (8, _declines_by_source())),
            ),
            Row("What was done about it?", 8, ((16, _dispositions()), (8, _undecided()))),
            Row("Which part of it?", 7, ((12, _models()), (12, services()))),
            Row("What does it cost?", 8, ((8, _discarded_output()), (8, _discarded_input()), (8, _time_to_refusal()))),
            Row("The evidence", 9, ((10, exemplars()), (7, when_it_fired()), (7, how_to_find_a_call()))),
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


def _dispositions() -> Json:
    return timeseries(
        "Dispositions",
        "What the application did about the refusals of the last hour, as it records it, at each moment.",
        "short",
        [Query(q.dispositions(), f"{{{{{q.DISPOSITION}}}}}")],
        empty=NO_DISPOSITIONS,
        stacked="normal",
        last=False,
        colors=DISPOSITION_COLORS,
    )


def _undecided() -> Json:
    return timeseries(
        "Without a disposition",
        "Refused and unknown operations of the last hour about which nobody decided, of workloads that record what "
        "they do about a refusal. After ten minutes above zero the alert fires.",
        "short",
        [Query(q.UNDISPOSED, f"{{{{{q.WORKLOAD}}}}}")],
        empty=NO_DISPOSITIONS,
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
