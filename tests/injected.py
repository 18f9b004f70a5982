"""What is injected under an SDK is reported as if the vendor had sent it: the checks, whichever SDK makes the call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from otel_refusals.testing import RefusalRecorder, Scenario, inject, ways_of
from tests.fixtures import Fixture

NOWHERE = "http://127.0.0.1:9"
"""Nobody listens there: whatever is not answered under the SDK fails."""

ENDINGS = (Scenario(outcome="completed"), Scenario(outcome="truncated"), Scenario(outcome="tool_call"))


def check_fixtures(vendor: str, fixtures: Iterable[Fixture], call: Callable[[Fixture], object]) -> None:
    """Each fixture reads as the manifest says.

    Args:
        vendor: The SDK.
        fixtures: What it gets.
        call: Makes a call that gets one, and swallows what the SDK raises.
    """
    checked = 0
    for fixture in fixtures:
        with RefusalRecorder() as recorder, inject(vendor, wire=fixture) as injection:
            call(fixture)
        assert {fixture.outcome: 1} == recorder.operations, fixture.path
        if fixture.refusals:
            refusal = recorder.assert_one(category=fixture.category, source=fixture.source)
            assert fixture.discarded_output_tokens == refusal.discarded_output_tokens, fixture.path
            asked = fixture.surface == "bedrock.apply_guardrail"  # the request tells which side was assessed
            assert asked or fixture.stage == refusal.stage, fixture.path
        assert injection.requests, fixture.path
        checked += 1
    assert checked


def check_scenarios(vendor: str, call: Callable[[], object], hides_thinking: bool = False) -> None:
    """Each way of being refused by `vendor` reads as it was asked for, and so do ordinary endings.

    Args:
        vendor: The SDK.
        call: Makes the call and swallows what the SDK raises.
        hides_thinking: Whether this call is told of content that is not text, neither by content nor by tokens.
    """
    played = [
        scenario
        for scenario in (*ways_of(vendor).values(), *ENDINGS)
        if not hides_thinking or (scenario.content == "text" and scenario.outcome != "tool_call")
    ]
    with RefusalRecorder() as recorder:
        for scenario in played:
            with inject(vendor, scenario):
                call()

    assert Counter(scenario.outcome for scenario in played) == recorder.operations
    declined = [scenario for scenario in played if scenario.declines]
    for refusal, scenario in zip(recorder.refusals, declined, strict=True):
        assert _as_asked(refusal, scenario), f"{scenario}: {refusal}"
    assert ["policy_hold"] == [str(unknown.signal).lower() for unknown in recorder.unknown]


def _as_asked(refusal: Any, scenario: Scenario) -> bool:
    categories = {None: "unspecified", "a_category_of_tomorrow": "other"}
    category = categories.get(scenario.category, refusal.category)
    told = (refusal.outcome, refusal.stage, refusal.category)
    return bool((scenario.outcome, scenario.stage, category) == told)
