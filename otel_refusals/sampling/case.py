"""How one request of a sample or a batch ended: what a report counts, and what a journal keeps. It holds no content."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, get_args

from otel_refusals.outcome import Outcome, Refused, Rescued, Unknown

_OUTCOMES = frozenset(kind.outcome for kind in get_args(Outcome))
_COUNTS = ("discarded_input_tokens", "discarded_output_tokens", "input_tokens", "output_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """How one request ended.

    Args:
        id: The caller's id of the prompt or of the request.
        model: The model that was asked, or in a batch the one that answered.
        outcome: The contract's word for it.
        signal: The vendor's value that was read; None where there is none.
        category, stage, source: Of the refusal that decided it; None unless `refused` or `rescued`.
        discarded_input_tokens, discarded_output_tokens: Thrown away because of it; None where unknown.
        input_tokens, output_tokens: What the vendor counted; None where it did not say.
    """

    id: str
    model: str
    outcome: str
    signal: str | None = None
    category: str | None = None
    stage: str | None = None
    source: str | None = None
    discarded_input_tokens: int | None = None
    discarded_output_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None

    @property
    def answered(self) -> bool:
        """Whether it belongs to what a rate is a share of: everything but errors, as on the dashboards."""
        return self.outcome != "error"

    def as_json(self) -> dict[str, Any]:
        """The members that say something."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def case_of(
    name: str, model: str, outcome: Outcome, input_tokens: int | None = None, output_tokens: int | None = None
) -> Case:
    """The case of one outcome."""
    declined = outcome if isinstance(outcome, (Refused, Rescued)) else None
    refusal = declined.refusal if declined else None
    signal = refusal.signal if refusal else outcome.signal if isinstance(outcome, Unknown) else None
    return Case(
        id=name,
        model=model,
        outcome=outcome.outcome,
        signal=signal,
        category=refusal.category if refusal else None,
        stage=refusal.stage if refusal else None,
        source=refusal.source if refusal else None,
        discarded_input_tokens=declined.discarded_input_tokens if declined else None,
        discarded_output_tokens=declined.discarded_output_tokens if declined else None,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
    )


def case_from(wire: object) -> Case:
    """The case that `as_json` made.

    Raises:
        ValueError: for anything else.
    """
    if not isinstance(wire, dict) or wire.get("outcome") not in _OUTCOMES:
        raise ValueError("holds no outcome")
    for name, value in wire.items():
        expected = int if name in _COUNTS else str
        if not isinstance(value, expected) or isinstance(value, bool):
            raise ValueError(f"holds {name} = {value!r}")  # noqa: TRY004 - of a file, not of a call
    try:
        return Case(**wire)
    except TypeError as error:
        raise ValueError(re.sub(r"^.*__init__\(\) ", "", str(error))) from None
