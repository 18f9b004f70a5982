"""Anthropic: a decline that arrives as an error, HTTP 400 or inside a stream; only its message tells."""

from __future__ import annotations

from otel_refusals.outcome import Errored, Refusal, Refused
from otel_refusals.reader import text

OUTPUT_BLOCKED = "output blocked by content filtering policy"


def error_outcome(body: object, error_type: str, raised: object = None) -> Refused | Errored:
    """What an error body, an error event or an exception of the SDK says: a decline, or a mere error.

    Args:
        body: The error, or what holds it.
        error_type: What to call a mere error.
        raised: The message of the exception: a gateway's plain-text body is there only.
    """
    # The platforms wrap the error differently; the message is at one of two places.
    message = text(body, "error", "message") or text(body, "message") or ""
    message += raised if isinstance(raised, str) else ""
    if OUTPUT_BLOCKED not in message.lower():
        return Errored(error_type)
    return Refused(
        refusals=(
            Refusal(
                category="unspecified",
                raw_categories=("content_filtering_policy",),
                stage="mid_stream",
                source="classifier",
                signal="content_filtering_policy",
            ),
        )
    )
