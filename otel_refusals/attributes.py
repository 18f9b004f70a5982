"""An operation and its outcome as the attributes of a span and of an event, and as the origin that an outcome tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.util.types import AttributeValue
from typing_extensions import assert_never

from otel_refusals import names
from otel_refusals.outcome import (
    Completed,
    Errored,
    Incomplete,
    Origin,
    Outcome,
    Paused,
    Refused,
    Rescued,
    ToolCall,
    Truncated,
    Unknown,
)
from otel_refusals.reader import MAX_TEXT

if TYPE_CHECKING:
    from otel_refusals.operation import Operation

Attributes = dict[str, AttributeValue]


def attributes_of(outcome: Outcome, *, explanation: bool = False) -> Attributes:
    """The `refusal.*` attributes of `outcome`; the vendor's prose only where `explanation` says so."""
    attributes: Attributes = {names.OUTCOME: outcome.outcome}
    match outcome:
        case Completed() | Truncated() | ToolCall() | Paused() | Unknown():  # first, as nearly every one is such
            attributes[names.SIGNAL] = outcome.signal
        case Refused() | Rescued():
            attributes.update(_of_refusals(outcome, explanation))
        case Errored() | Incomplete():
            pass
        case _:
            assert_never(outcome)
    return attributes


def _of_refusals(outcome: Refused | Rescued, explanation: bool) -> Attributes:
    refusal = outcome.refusal
    attributes: Attributes = {
        names.CATEGORY: refusal.category,
        names.STAGE: refusal.stage,
        names.SOURCE: refusal.source,
        names.SIGNAL: refusal.signal,
    }
    raw = dict.fromkeys(
        name for one in outcome.refusals for name in one.raw_categories if explanation or name not in one.confidential
    )
    if raw:
        attributes[names.RAW_CATEGORY] = ",".join(raw)[:MAX_TEXT]
    if len(outcome.refusals) > 1:
        attributes[names.COUNT] = len(outcome.refusals)
    if outcome.discarded_input_tokens is not None:
        attributes[names.DISCARDED_INPUT] = outcome.discarded_input_tokens
    if outcome.discarded_output_tokens is not None:
        attributes[names.DISCARDED_OUTPUT] = outcome.discarded_output_tokens
    if isinstance(outcome, Rescued) and outcome.rescued_by:
        attributes[names.RESCUED_BY] = outcome.rescued_by
    if explanation and refusal.explanation:
        attributes[names.EXPLANATION] = refusal.explanation
    return attributes


def official_attributes(operation: Operation) -> Attributes:
    """The semantic conventions' own attributes of `operation`, as far as they are known."""
    reader = operation.reader
    attributes: Attributes = {
        names.PROVIDER: operation.provider,
        names.OPERATION: operation.endpoint.operation,
    }
    if operation.model:
        attributes[names.REQUEST_MODEL] = operation.model
    if reader.response_model:
        attributes[names.RESPONSE_MODEL] = reader.response_model
    if reader.response_id:
        attributes[names.RESPONSE_ID] = reader.response_id
    if reasons := reader.finish_reasons:
        attributes[names.FINISH_REASONS] = reasons
    return attributes


def origin_as_seen(operation: Operation, workload: str) -> Origin:
    """Which operation it was, for those who ask for its outcome."""
    reader = operation.reader
    return Origin(
        provider=operation.provider,
        operation=operation.endpoint.operation,
        model=operation.model,
        response_model=reader.response_model,
        response_id=reader.response_id,
        workload=workload,
    )
