"""Injection reaches the mistralai SDK: by scenarios and by fixtures."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import pytest

from otel_refusals.testing import CallBlocked, RefusalRecorder, Scenario, inject
from tests.fixtures import FIXTURES, Fixture, fixture
from tests.injected import NOWHERE, check_fixtures, check_scenarios
from tests.sdk.mistralai.driver import GUARDRAILS, TELLS_THE_BODY, Way, ways

_WHOLE = fixture("mistral/chat_stop.json")
_STREAM = fixture("mistral/chat_stream_stop.sse")
_SURFACES = sorted({one.surface for one in FIXTURES if one.provider == "mistral" and any(ways(one))})
pytestmark = pytest.mark.skipif(not TELLS_THE_BODY, reason="this mistralai cannot decode some of them")


def _call(way: Way) -> None:
    with suppress(Exception):  # the SDK raises for error statuses
        way(NOWHERE)


@pytest.mark.parametrize("surface", _SURFACES)
def test_every_fixture_can_be_injected(surface: str) -> None:
    """And is read as when the vendor sends it; a guardrail's 403 is told by the request, and has tests of its own."""
    fixtures = [one for one in FIXTURES if one.surface == surface and "guardrail" not in one.name and any(ways(one))]

    def call(sent: Fixture) -> None:
        _call(next(iter(ways(sent))))

    check_fixtures("mistralai", fixtures, call)


@pytest.mark.parametrize("way", [*ways(_WHOLE), *ways(_STREAM)], ids=lambda way: way.name)
def test_every_way_of_being_refused_can_be_injected(way: Way) -> None:
    """Whole and streamed, sync and async."""
    check_scenarios("mistralai", lambda: _call(way))


_CONVERSATIONS = [
    *ways(fixture("mistral/conversation_done.json")),
    *ways(fixture("mistral/conversation_stream_done.sse")),
]


@pytest.mark.parametrize("way", _CONVERSATIONS, ids=lambda way: way.name)
def test_a_conversation_is_refused_by_a_guardrail(way: Way) -> None:
    """Alone: an error, or an event in the middle of a stream, where the caller asked for guardrails."""
    played = [Scenario(), Scenario(outcome="completed"), Scenario(outcome="tool_call")]
    guarded = {"guardrails": GUARDRAILS} if way.takes("guardrails") else {}
    late = "mid_stream" if way.streamed else "pre_output"
    if guarded:
        played.append(Scenario(stage="mid_stream"))
    with RefusalRecorder() as recorder:
        for scenario in played:
            with inject("mistralai", scenario), suppress(Exception):
                way(NOWHERE, **guarded)

    assert Counter(scenario.outcome for scenario in played) == recorder.operations
    stages = ["pre_output", late] if guarded else ["pre_output"]
    assert [("guardrail", stage) for stage in stages] == [(one.source, one.stage) for one in recorder.refusals]


def test_a_conversation_has_no_stop_reason() -> None:
    """So there is none that nobody knows, and none of a length."""
    for scenario in (Scenario(outcome="unknown"), Scenario(outcome="truncated")):
        with inject("mistralai", scenario), pytest.raises(CallBlocked, match="has no stop reason"):
            _CONVERSATIONS[0](NOWHERE)
