"""The errors of Amazon Bedrock: as botocore parses and raises them, and as events inside a stream.

Some are declines: the image models answer a prompt that their filter blocks with a `ValidationException`, and Claude's
own "output blocked" arrives as an error here too. Only the message tells.
"""

from __future__ import annotations

from otel_refusals.outcome import Errored, Outcome, Refusal, Refused, Stage
from otel_refusals.reader import field, short, text
from otel_refusals.vendors._anthropic_errors import OUTPUT_BLOCKED

FILTERED = "blocked by our content filters"
"""What Amazon's own models say of a prompt, or of what they made of it."""


def is_error(wire: object) -> bool:
    """Whether `wire` is an exception, an error response as botocore parses it, or an error event of a stream."""
    return isinstance(wire, BaseException) or field(wire, "Error") is not None or _event(wire) is not None


def _event(wire: object) -> str | None:
    """The name of an error event: `throttlingException`, for example."""
    if not isinstance(wire, dict) or len(wire) != 1:
        return None
    (name,) = wire
    return name if isinstance(name, str) and name.endswith("Exception") else None


def error_outcome(wire: object) -> Outcome:
    """An error, or the decline that one tells. Error codes are spelled as the service model spells their shapes."""
    event = _event(wire)
    if event is not None:
        code, message = short(event), text(wire, event, "message")
    else:
        error = field(wire, "response", "Error") or field(wire, "Error")
        code = text(error, "Code") or (type(wire).__name__ if isinstance(wire, BaseException) else "error")
        message = text(error, "Message") or text(error, "message")
    told = (message or "").lower()
    if OUTPUT_BLOCKED in told:
        return _refused("content_filtering_policy", "mid_stream")
    if FILTERED in told:
        return _refused("content_filters", "mid_stream" if "generated" in told else "pre_output")
    return Errored(code[:1].upper() + code[1:])


def _refused(signal: str, stage: Stage) -> Refused:
    refusal = Refusal(category="unspecified", raw_categories=(signal,), stage=stage, source="classifier", signal=signal)
    return Refused(refusals=(refusal,), discarded_output_tokens=0 if stage == "pre_output" else None)
