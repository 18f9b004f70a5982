"""We hear of a new reason before any user does: every value that the installed google-genai lists has a reading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from google.genai import types

from otel_refusals.vendors import _gemini_interactions, _gemini_live
from otel_refusals.vendors._gemini_content import DECLINED, FINISH_REASONS
from otel_refusals.vendors._gemini_reasons import DECLINES, HARMS

SAY_NOTHING = {"FINISH_REASON_UNSPECIFIED", "OTHER", "IMAGE_OTHER", "TURN_COMPLETE_REASON_UNSPECIFIED"}
"""Values that were looked at, and are unknown because they say nothing."""


def values(name: str) -> set[str]:
    """The values of an enum of the SDK; empty for one that it does not have."""
    enum: Any = getattr(types, name, ())
    if hasattr(enum, "__members__"):
        return {member.value for member in enum}
    return {value for value in literals(enum) if value}


def literals(annotation: Any) -> Iterator[str]:
    """The strings of every `Literal` inside an annotation."""
    for argument in get_args(annotation):
        if isinstance(argument, str):
            yield argument
        else:
            yield from literals(argument)


def test_every_finish_reason_has_a_reading() -> None:
    """Either it is declined, or it has an outcome."""
    listed = values("FinishReason")

    assert {"STOP", "SAFETY"} <= listed
    assert set() == listed - DECLINED - set(FINISH_REASONS) - SAY_NOTHING
    assert set() == DECLINED & set(FINISH_REASONS)


def test_every_reason_of_a_decline_has_a_category() -> None:
    """Of a blocked prompt, and of a declined candidate."""
    listed = values("BlockedReason")

    assert "SAFETY" in listed
    assert set() == (listed | DECLINED) - set(DECLINES)


def test_every_harm_category_has_a_category() -> None:
    """By its name without the prefix."""
    listed = {value.removeprefix("HARM_CATEGORY_").removeprefix("IMAGE_") for value in values("HarmCategory")}

    assert "HATE_SPEECH" in listed
    assert set() == listed - set(HARMS)


def test_every_reason_of_a_live_turn_has_a_reading() -> None:
    """As far as the SDK has them."""
    known = {*_gemini_live.DECLINED, *_gemini_live.TURN_REASONS}

    assert set() == values("TurnCompleteReason") - known - SAY_NOTHING


def test_every_status_of_an_interaction_and_every_block_of_a_decision_has_a_reading() -> None:
    """As far as the SDK has them."""
    interaction = pytest.importorskip("google.genai._gaos.types.interactions.interaction")
    decision = pytest.importorskip("google.genai._gaos.types.decisions.promptfeedback")
    statuses = set(literals(interaction.InteractionStatus))
    blocks = {reason.upper() for reason in literals(decision.BlockReason)}

    assert "completed" in statuses
    assert set() == statuses - set(_gemini_interactions.STATUSES) - {"failed", "cancelled"}
    assert "SAFETY" in blocks
    assert set() == blocks - set(DECLINES)
