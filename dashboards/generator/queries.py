"""PromQL of the panels, composed from the names of our metrics.

What happened in a window is counted as the alert rules count it, so that a panel and an alert say the same number.
`increase()` alone is blind to the first value of a series: a first occurrence would be drawn as none.
"""

from __future__ import annotations

from otel_refusals import names
from otel_refusals.names import DISPOSITIONS, OPERATIONS, Metric, prometheus_label

PROVIDER = prometheus_label(names.PROVIDER)
MODEL = prometheus_label(names.REQUEST_MODEL)
WORKLOAD = prometheus_label(names.WORKLOAD)
OPERATION = prometheus_label(names.OPERATION)
OUTCOME = prometheus_label(names.OUTCOME)
CATEGORY = prometheus_label(names.CATEGORY)
STAGE = prometheus_label(names.STAGE)
SOURCE = prometheus_label(names.SOURCE)
SIGNAL = prometheus_label(names.SIGNAL)
DISPOSITION = prometheus_label(names.DISPOSITION)
VENDOR = prometheus_label(names.VENDOR)
ERROR_TYPE = prometheus_label(names.ERROR_TYPE)

SELECTED = f'{PROVIDER}=~"$provider", {MODEL}=~"$model", {WORKLOAD}=~"$workload"'
"""What the variables at the top of a page select."""
SELECTED_WORKLOADS = f'{WORKLOAD}=~"$workload"'

# Recorded by alert_rules/refusals.rules.yml: what needs seven days, or what an alert compares.
WILSON_LOWER = f"provider_model_workload:refusal_ratio:wilson_lower1h{{{SELECTED}}}"
THRESHOLD = f"workload:refusal_ratio_threshold:max{{{SELECTED_WORKLOADS}}}"
Z_SCORE = f"workload:refusal_ratio:zscore2h{{{SELECTED_WORKLOADS}}}"
UNDISPOSED = f"clamp_min(workload:refusal_undisposed:count1h{{{SELECTED_WORKLOADS}}}, 0)"

WATCHDOG = 'ALERTS{alertname="LLMRefusalWatchdog"}'


def events(metric: Metric, window: str, where: str = "", *, selected: bool = True) -> str:
    """How many events each series of a counter, or observations of a histogram, had in the window.

    A series that was not there before the window counts from zero: a new process, a short job, a first occurrence.
    """
    matchers = ", ".join(part for part in (SELECTED if selected else "", where) if part)
    name = metric.prometheus + ("_count" if metric.instrument == "histogram" else "")
    x = f"{name}{{{matchers}}}"
    return (
        f"(last_over_time({x}[{window}]) unless last_over_time({x}[5m] offset {window})"
        f" unless last_over_time({x}[2h] offset {window}) <= last_over_time({x}[{window}]))"
        f" or increase({x}[{window}])"
    )


def total(metric: Metric, window: str, where: str = "", by: tuple[str, ...] = (), *, selected: bool = True) -> str:
    """The events of the window, summed by labels."""
    grouping = f" by ({', '.join(by)})" if by else ""
    return f"sum{grouping} ({events(metric, window, where, selected=selected)})"


def operations(window: str, outcome: str = "", by: tuple[str, ...] = ()) -> str:
    """Operations of the window that ended with an outcome (`a|b` for either); of any outcome by default."""
    return total(OPERATIONS, window, f'{OUTCOME}=~"{outcome}"' if outcome else "", by)


def answered(window: str, by: tuple[str, ...] = ()) -> str:
    """Operations of the window but for errors: what a refusal rate is a share of, here and in the alert rules."""
    return total(OPERATIONS, window, f'{OUTCOME}!="error"', by)


def share(part: str, whole: str, *, grouped: bool = False) -> str:
    """`part` of `whole`: 0 where there is no part, nothing where there is no whole."""
    zero = f"0 * {whole}" if grouped else "vector(0)"
    return f"({part} or {zero}) / ({whole} > 0)"


def dispositions() -> str:
    """What was done about the refusals of the last hour, by kind."""
    return total(DISPOSITIONS, "1h", by=(DISPOSITION,))


def refusal_rate(by: tuple[str, ...] = ()) -> str:
    """Refused operations of the last hour as a share of the answered ones."""
    return share(operations("1h", "refused", by), answered("1h", by), grouped=bool(by))


def error_rate(by: tuple[str, ...] = ()) -> str:
    """Operations of the last hour that ended in an error, as a share of all."""
    return share(operations("1h", "error", by), operations("1h", by=by), grouped=bool(by))


def baseline(by: str = "") -> str:
    """The refusal rate of the seven days before the last hour: a ratio of sums, never a mean of ratios."""
    grouping = f" by ({by})" if by else ""
    recorded = f"workload_outcome:refusal_operations:baseline7d{{{SELECTED_WORKLOADS}, {OUTCOME}"
    refused = f'sum{grouping} ({recorded}="refused"}})'
    whole = f'sum{grouping} ({recorded}!="error"}})'
    return share(refused, whole, grouped=bool(by))


def wilson_lower() -> str:
    """Wilson's lower bound (z = 3) of the refusal rate of all that is selected: at least this share, given how little
    was seen.
    """
    recorded = f"provider_model_workload_outcome:refusal_operations:count1h{{{SELECTED}, {OUTCOME}"
    refused = f'sum({recorded}="refused"}})'
    whole = f'(sum({recorded}!="error"}}) > 0)'
    rate = f"({refused} / {whole})"
    return (
        f"({rate} + 4.5 / {whole} - 3 * sqrt({rate} * (1 - {rate}) / {whole} + 2.25 / {whole} ^ 2)) / (1 + 9 / {whole})"
    )


def of_threshold() -> str:
    """The lower bound of each workload's worst model, as a share of the workload's threshold."""
    return f"max by ({WORKLOAD}) ({WILSON_LOWER}) / max by ({WORKLOAD}) ({THRESHOLD})"


def counted(expression: str, evidence: str) -> str:
    """A count that is 0 only if `evidence` says that anything would have been counted, and -1 if not."""
    return f"{expression} or 0 * count({evidence}) or vector(-1)"


REPORTED = f"last_over_time({OPERATIONS.prometheus}[1d])"
"""Evidence that an application reports at all."""


def firing(severity: str = "critical|warning") -> str:
    """Our alerts that fire for the selected workloads, and those that are for no workload."""
    return (
        f'ALERTS{{alertname=~"LLM.+|Refusals.+", alertname!="LLMRefusalWatchdog", alertstate="firing",'
        f' severity=~"{severity}", {WORKLOAD}=~"$workload|"}}'
    )
