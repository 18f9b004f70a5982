"""The span of a call: found where somebody made one, made where nobody did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from opentelemetry.context import Context, create_key
from opentelemetry.trace import Span, SpanKind, Tracer, get_current_span

from otel_refusals.attributes import Attributes
from otel_refusals.names import OPERATION
from otel_refusals.vendor import Operation as OperationName

NOWHERE = Context({create_key("otel_refusals.nowhere"): True})
"""Of an operation that is part of no trace. An empty context would stand for the one of the moment of the report."""

_GENERATES = frozenset(get_args(OperationName))

_DIALECTS: Mapping[str, frozenset[str]] = {
    OPERATION: _GENERATES,
    "openinference.span.kind": frozenset({"LLM"}),
    "llm.request.type": frozenset({"chat", "completion"}),
}
"""By which attribute, and which of its values, the packages of the field mark the span of one GenAI call."""

_MARKS = frozenset(_DIALECTS)


def call_span(context: Context) -> Span | None:
    """The GenAI call span that is current in `context` and records; None for any other span and for none.

    A span that the application or a web framework made is not one, nor is `invoke_agent`.
    """
    span = get_current_span(context)
    if not span.is_recording():
        return None
    attributes = getattr(span, "attributes", None)
    return span if isinstance(attributes, Mapping) and is_call_span(attributes) else None


def is_call_span(attributes: Mapping[str, object]) -> bool:
    """Whether a span with these attributes is that of one GenAI call, by whichever package."""
    if _MARKS.isdisjoint(attributes):  # of nearly every span: a look-up that fails is dear
        return False
    return any(attributes.get(name) in values for name, values in _DIALECTS.items())


def lacking(span: Span, attributes: Attributes) -> Attributes:
    """Those of `attributes` that `span` has none of; none where it does not tell what it has."""
    present = getattr(span, "attributes", None)
    return {name: value for name, value in attributes.items() if isinstance(present, Mapping) and name not in present}


def own_span(
    tracer: Tracer, operation: str, model: str | None, context: Context, start: int, attributes: Attributes
) -> Span:
    """A CLIENT span for a call that has none, with its true start; the end is now. Times in nanoseconds."""
    span = tracer.start_span(
        f"{operation} {model}" if model else operation,
        context=context,
        kind=SpanKind.CLIENT,
        start_time=start,
        attributes=attributes,
    )
    span.end()
    return span
