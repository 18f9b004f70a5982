"""Mistral: a decline that arrives as an error.

A guardrail that the customer configured blocks the input with HTTP 403 (`GuardrailConfig` of the SDK). The same status
says that a key may not do something, and no SDK type describes the body. So the request tells: with guardrails in it,
a 403 is theirs. Where the request is not known, only a body that speaks of a guardrail counts.
"""

from __future__ import annotations

import json

from otel_refusals.outcome import Errored, Refusal, Refused
from otel_refusals.reader import field, number, short, text

BLOCKED = 403


def error_outcome(wire: object, *, guarded: bool | None, content: bool) -> Refused | Errored:
    """What an exception of the SDK, an error body or an error event says: a decline, or a mere error.

    Args:
        wire: The exception or the JSON.
        guarded: Whether the request asked for guardrails; None where that is not known.
        content: Whether the model had produced content before.
    """
    body = _body(wire)
    status = number(wire, "status_code") or number(wire, "code")  # of an exception; of a conversation's error event
    speaks = "guardrail" in (text(body, "type") or text(body, "message") or "").lower()
    if status is None:
        declined = speaks and guarded is not False
    else:
        declined = status == BLOCKED and (speaks if guarded is None else guarded)
    if declined:
        return _blocked(text(body, "type") if speaks else None, text(body, "message"), content=content)
    if isinstance(wire, BaseException):
        return Errored(type(wire).__name__)
    return Errored(text(body, "type") or "error")


def undecoded(wire: object) -> object:
    """What the vendor sent where `wire` says that the SDK could not decode it; else `wire` itself.

    The SDK validates what it decodes, so something new in an answer is a `ResponseValidationError`, of status 200.
    """
    if isinstance(wire, BaseException) and number(wire, "status_code") == 200:
        body = _body(wire)
        if isinstance(body, dict):
            return body
    return wire


def is_error_body(wire: object) -> bool:
    """Whether `wire` is the JSON body of an error."""
    return text(wire, "object") == "error"


def is_exception(wire: object) -> bool:
    """Whether `wire` was raised by the SDK, or by its forms for Azure and Google Cloud."""
    return isinstance(wire, BaseException) and type(wire).__module__.split(".", 1)[0] in (
        "mistralai",
        "mistralai_azure",
        "mistralai_gcp",
    )


def _body(wire: object) -> object:
    if not isinstance(wire, BaseException):
        return wire
    body = field(wire, "body")
    try:
        return json.loads(body) if isinstance(body, str) else None
    except (ValueError, RecursionError):
        return {"message": short(str(body))}


def _blocked(signal: str | None, message: str | None, *, content: bool) -> Refused:
    return Refused(
        refusals=(
            Refusal(
                category="guardrail",
                raw_categories=("guardrail",),
                stage="mid_stream" if content else "pre_output",
                source="guardrail",
                signal=signal or str(BLOCKED),
                explanation=message,
            ),
        ),
        discarded_output_tokens=None if content else 0,
    )
