"""What somebody has to hear of: an event for each decline and unknown stop reason, and a warning for the latter."""

from __future__ import annotations

from logging import getLogger
from time import time_ns
from typing import cast

from opentelemetry._logs import Logger, SeverityNumber
from opentelemetry.context import Context

from otel_refusals import names
from otel_refusals._version import __version__
from otel_refusals.attributes import Attributes
from otel_refusals.outcome import Refused, Rescued, Unknown

log = getLogger("otel_refusals")

_warned: set[tuple[str, str]] = set()
"""Providers and stop reasons that this process was warned of; bounded, because the stop reasons are."""


def emit(logger: Logger, outcome: Refused | Rescued | Unknown, attributes: Attributes, context: Context) -> None:
    """Send the event of `outcome`, as of now, in the context of the call."""
    unknown = isinstance(outcome, Unknown)
    event = names.UNKNOWN_STOP_REASON if unknown else names.REFUSAL_DETECTED
    severity = SeverityNumber.WARN if unknown else SeverityNumber.INFO
    enabled = getattr(logger, "enabled", None)
    if enabled is not None and not enabled(context=context, severity_number=severity, event_name=event):
        return
    now = time_ns()
    logger.emit(
        timestamp=now,
        observed_timestamp=now,
        context=context,
        severity_number=severity,
        severity_text=severity.name,
        attributes=cast("dict[str, object]", attributes),  # type: ignore[arg-type]
        event_name=event,
    )


def warn(provider: str, signal: str) -> None:
    """Log an unknown stop reason, once per process: so it is heard with no OpenTelemetry SDK configured."""
    if (provider, signal) not in _warned:
        _warned.add((provider, signal))
        log.warning(
            "%s ended an operation with the stop reason %r, which otel-refusals %s does not know. If you know what"
            " it means, set OTEL_REFUSALS_STOP_REASONS=%s:%s=<outcome>, and please tell the project.",
            provider,
            signal,
            __version__,
            provider,
            signal,
        )
