"""otel-refusals: see every call to an LLM that was declined, although it answered 200.

    import otel_refusals

    otel_refusals.instrument()

or, without a change to the code, `opentelemetry-instrument python app.py`.

Nothing is imported before it is asked for: pytest imports this package at every start, for the plugin in it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from otel_refusals._version import __version__

if TYPE_CHECKING:
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
    from otel_refusals.workloads import workload

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

_HOMES = {
    "BatchResult": "batch",
    "ConfigurationError": "config",
    "Disposition": "disposition",
    "instrument": "instrumentation",
    "on_refusal": "callbacks",
    "outcome_of": "reading",
    "read_batch": "batch",
    "record_disposition": "disposition",
    "uninstrument": "instrumentation",
    "workload": "workloads",
}
"""Where the public names live; all others are of `outcome`."""


if not TYPE_CHECKING:  # to a type checker, it would be every name

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'outcome')}"), name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
