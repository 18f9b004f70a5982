"""otel-refusals: see every call to an LLM that was declined, although it answered 200.

    import otel_refusals

    otel_refusals.instrument()

or, without a change to the code, `opentelemetry-instrument python app.py`.
"""

from otel_refusals._version import __version__
from otel_refusals.batch import BatchResult, read_batch
from otel_refusals.callbacks import on_refusal
from otel_refusals.config import ConfigurationError
from otel_refusals.disposition import Disposition, record_disposition
from otel_refusals.instrumentation import instrument, uninstrument
from otel_refusals.outcome import (
    Category,
    Completed,
    Errored,
    Incomplete,
    Origin,
    Outcome,
    Paused,
    Refusal,
    Refused,
    Rescued,
    Source,
    Stage,
    ToolCall,
    Truncated,
    Unknown,
)
from otel_refusals.reading import outcome_of
from otel_refusals.workload import workload

__all__ = [
    "BatchResult",
    "Category",
    "Completed",
    "ConfigurationError",
    "Disposition",
    "Errored",
    "Incomplete",
    "Origin",
    "Outcome",
    "Paused",
    "Refusal",
    "Refused",
    "Rescued",
    "Source",
    "Stage",
    "ToolCall",
    "Truncated",
    "Unknown",
    "__version__",
    "instrument",
    "on_refusal",
    "outcome_of",
    "read_batch",
    "record_disposition",
    "uninstrument",
    "workload",
]
