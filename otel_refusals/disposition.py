"""`record_disposition`: what the application did about an operation that was declined.

The worst failure is a refusal about which nobody decided anything. It shows as the operations that were refused, less
the dispositions that were recorded.
"""

from __future__ import annotations

from typing import Literal, get_args

from otel_refusals.failure import never_fails
from otel_refusals.instrumentation import telemetry_in_use
from otel_refusals.outcome import Outcome, Refused, Rescued, Unknown

Disposition = Literal["rerouted", "surfaced", "escalated", "dropped"]
"""Asked another model; told the person who asked; handed to somebody who decides; left without an answer on purpose."""


def record_disposition(outcome: Outcome, disposition: Disposition) -> None:
    """Record what was done about `outcome`: one more of `refusal.client.dispositions`, and a mark on the current span.

    One per operation: a second one would hide another that has none. A rescued operation needs none, since a fallback
    has answered: recorded all the same, it marks the span alone.

    Args:
        outcome: What `outcome_of` or a callback of `on_refusal` gave.
        disposition: What was done.

    Raises:
        ValueError: for a word that is no disposition, and for an outcome that needs none.
    """
    if disposition not in get_args(Disposition):
        raise ValueError(f"disposition {disposition!r} is not one of {', '.join(get_args(Disposition))}")
    if not isinstance(outcome, (Refused, Rescued, Unknown)):
        word = getattr(outcome, "outcome", repr(outcome))
        raise ValueError(f"there is nothing to decide about an outcome that is {word}")  # noqa: TRY004 - an outcome it is
    _count(outcome, disposition)


@never_fails
def _count(outcome: Refused | Rescued | Unknown, disposition: Disposition) -> None:
    telemetry_in_use().count_disposition(outcome, disposition)
