"""Every telemetry name, its unit and its sentence, in one place.

`docs/telemetry/registry.yaml` tells the same in the form that OTel Weaver reads; a test compares the two, and the
documentation, against each other. No other module spells one of these names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SCOPE = "otel_refusals"

# Official attributes (OpenTelemetry GenAI semantic conventions). Kept here because the Python constants are deprecated.
PROVIDER = "gen_ai.provider.name"
OPERATION = "gen_ai.operation.name"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_ID = "gen_ai.response.id"
FINISH_REASONS = "gen_ai.response.finish_reasons"
ERROR_TYPE = "error.type"

# Ours.
OUTCOME = "refusal.outcome"
CATEGORY = "refusal.category"
RAW_CATEGORY = "refusal.raw_category"
STAGE = "refusal.stage"
SOURCE = "refusal.source"
SIGNAL = "refusal.signal"
DISCARDED_INPUT = "refusal.discarded.input_tokens"
DISCARDED_OUTPUT = "refusal.discarded.output_tokens"
RESCUED_BY = "refusal.rescued_by"
COUNT = "refusal.count"
WORKLOAD = "refusal.workload"
EXPLANATION = "refusal.explanation"
VENDOR = "refusal.vendor"
DISPOSITION = "refusal.disposition"

# Events: log records with an event name.
REFUSAL_DETECTED = "refusal.detected"
UNKNOWN_STOP_REASON = "refusal.unknown_stop_reason"

BASE = (PROVIDER, OPERATION, REQUEST_MODEL, WORKLOAD)


@dataclass(frozen=True, slots=True)
class Metric:
    """One instrument."""

    name: str
    instrument: Literal["counter", "gauge", "histogram"]
    unit: str
    brief: str
    attributes: tuple[str, ...]

    @property
    def prometheus(self) -> str:
        """The name in Prometheus, for a histogram without `_bucket`, `_count` and `_sum`."""
        suffix = ("_seconds" if self.unit == "s" else "") + ("_total" if self.instrument == "counter" else "")
        return prometheus_label(self.name) + suffix

    @property
    def prometheus_labels(self) -> tuple[str, ...]:
        """The attributes as Prometheus spells them."""
        return tuple(map(prometheus_label, self.attributes))


def prometheus_label(attribute: str) -> str:
    """An attribute as Prometheus spells it, scraped or sent by OTLP."""
    return attribute.replace(".", "_")


OPERATIONS = Metric(
    "refusal.client.operations",
    "counter",
    "{operation}",
    "GenAI operations by how they ended.",
    (*BASE, OUTCOME, ERROR_TYPE),
)
REFUSALS = Metric(
    "refusal.client.refusals",
    "counter",
    "{refusal}",
    "Declines, one per fallback hop and per refused choice.",
    (*BASE, OUTCOME, CATEGORY, STAGE, SOURCE),
)
DISCARDED_INPUT_TOKENS = Metric(
    "refusal.client.discarded.input_tokens",
    "counter",
    "{token}",
    "Input tokens billed for operations that were declined.",
    (*BASE, CATEGORY, STAGE),
)
DISCARDED_OUTPUT_TOKENS = Metric(
    "refusal.client.discarded.output_tokens",
    "counter",
    "{token}",
    "Output tokens that were generated and have to be thrown away because of a decline.",
    (*BASE, CATEGORY, STAGE),
)
UNKNOWN_STOP_REASONS = Metric(
    "refusal.client.unknown_stop_reasons",
    "counter",
    "{operation}",
    "Operations that ended with a stop reason that no reader knows.",
    (*BASE, SIGNAL),
)
UNKNOWN_LAST_SEEN = Metric(
    "refusal.client.unknown_stop_reason.last_seen",
    "gauge",
    "s",
    "When an unknown stop reason was last seen, as Unix time.",
    (PROVIDER, REQUEST_MODEL, WORKLOAD, SIGNAL),
)
TIME_TO_REFUSAL = Metric(
    "refusal.client.time_to_refusal",
    "histogram",
    "s",
    "Time from the call to the moment when the decline was known.",
    (*BASE, STAGE),
)
DISPOSITIONS = Metric(
    "refusal.client.dispositions",
    "counter",
    "{refusal}",
    "What the application did about a refusal.",
    (PROVIDER, REQUEST_MODEL, WORKLOAD, CATEGORY, DISPOSITION),
)
INSTRUMENTATION_ERRORS = Metric(
    "refusal.instrumentation.errors",
    "counter",
    "{error}",
    "Failures of this instrumentation that were kept from the caller.",
    (VENDOR, ERROR_TYPE),
)

METRICS = (
    OPERATIONS,
    REFUSALS,
    DISCARDED_INPUT_TOKENS,
    DISCARDED_OUTPUT_TOKENS,
    UNKNOWN_STOP_REASONS,
    UNKNOWN_LAST_SEEN,
    TIME_TO_REFUSAL,
    DISPOSITIONS,
    INSTRUMENTATION_ERRORS,
)

TIME_BUCKETS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Bounds in seconds, those of the convention's own GenAI durations."""
