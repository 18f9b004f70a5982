"""Outcomes: what contradicts itself cannot be built."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

import pytest

from otel_refusals import Category, Completed, Outcome, Refusal, Refused, Rescued
from otel_refusals.outcome import CATEGORIES

GOOD: dict[str, Any] = {"category": "cyber", "stage": "pre_output", "source": "classifier", "signal": "refusal"}


@pytest.mark.parametrize(
    ("field", "value"), [("category", "cyber_policy"), ("stage", "early"), ("source", "vendor"), ("category", None)]
)
def test_a_refusal_outside_a_closed_set_cannot_be_built(field: str, value: object) -> None:
    """The error names the field and the value."""
    with pytest.raises(ValueError, match=f"{field} {value!r}"):
        Refusal(**{**GOOD, field: value})


@pytest.mark.parametrize("kind", [Refused, Rescued])
def test_a_declined_operation_has_a_refusal(kind: type) -> None:
    """And the deciding one is among them."""
    with pytest.raises(ValueError, match="without a refusal"):
        kind(refusals=())
    with pytest.raises(IndexError):
        kind(refusals=(Refusal(**GOOD),), deciding=1)


def test_the_deciding_refusal_stands_for_the_operation() -> None:
    """The last hop of a chain, the first refused choice."""
    first, last = Refusal(**GOOD), Refusal(**{**GOOD, "category": "bio"})

    assert first is Refused(refusals=(first, last)).refusal
    assert last is Refused(refusals=(first, last), deciding=-1).refusal


def test_outcomes_are_frozen_and_compare_by_value() -> None:
    """Two readings of one response are the same outcome."""
    assert Refused(refusals=(Refusal(**GOOD),)) == Refused(refusals=(Refusal(**GOOD),))
    with pytest.raises(dataclasses.FrozenInstanceError):
        Completed("stop").signal = "other"  # type: ignore[misc]


def test_the_explanation_is_not_in_the_representation() -> None:
    """A refusal that is logged by chance does not give the prose away."""
    assert "secret" not in repr(Refusal(**GOOD, explanation="secret"))


def test_each_outcome_has_its_own_word() -> None:
    """The contract's nine."""
    words = {kind.outcome for kind in get_args(Outcome)}

    assert {
        "completed",
        "truncated",
        "tool_call",
        "paused",
        "refused",
        "rescued",
        "error",
        "incomplete",
        "unknown",
    } == words
    assert set(get_args(Category)) == CATEGORIES
