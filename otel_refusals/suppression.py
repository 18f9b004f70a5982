"""Whether somebody asked instrumentations to keep still."""

from __future__ import annotations

from opentelemetry import context as api
from opentelemetry.context import Context

_KEYS = (
    api._SUPPRESS_INSTRUMENTATION_KEY,
    "suppress_instrumentation",
    "suppress_language_model_instrumentation",
)
"""OpenTelemetry's key, its older plain form, and the one that the GenAI packages of the field use among themselves."""


def is_suppressed(context: Context) -> bool:
    """Whether `context` carries one of the keys."""
    return bool(context) and any(context.get(key) for key in _KEYS)
