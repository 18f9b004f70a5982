"""Injection reaches every way to call the google-genai SDK: over httpx, aiohttp or requests, and on WebSockets."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from typing import Any

import pytest
from google.genai import errors, types

from otel_refusals.testing import CallBlocked, RefusalRecorder, Scenario, inject, ways_of
from tests.fixtures import FIXTURES
from tests.injected import ENDINGS, NOWHERE, check_fixtures, check_scenarios
from tests.sdk.google_genai.drivers import MODEL, WAYS, Way, gemini, vertex
from tests.sdk.google_genai.test_further_surfaces import (
    ASK,
    IMAGE,
    OPERATION,
    QUESTIONS,
    has_decisions,
    has_interactions,
    has_videos,
)
from tests.sdk.google_genai.test_readings import is_told, yields

_PLAIN = [way for way in WAYS if way.name in ("generate_content", "generate_content, async", "stream", "stream, async")]


def _call(way: Way) -> None:
    with suppress(errors.APIError):
        way(NOWHERE)


@pytest.mark.parametrize("way", _PLAIN, ids=lambda way: way.name)
def test_every_fixture_can_be_injected(way: Way) -> None:
    """And is read as when the vendor sends it."""
    fixtures = [fixture for fixture in FIXTURES if way.fits(fixture) and is_told(fixture, way)]
    check_fixtures("google_genai", fixtures, lambda _: _call(way))


@pytest.mark.parametrize("way", [way for way in WAYS if yields(way)], ids=lambda way: way.name)
def test_every_way_of_being_refused_can_be_injected(way: Way) -> None:
    """Whole, streamed and by chats, of either platform."""
    check_scenarios("google_genai", lambda: _call(way))


_NAMED = [
    scenario for scenario in (*ways_of("google_genai").values(), *ENDINGS) if scenario.category in ("usual", None)
]
"""What has a form where the reason is the category."""

_LIVE = [scenario for scenario in _NAMED if scenario.outcome != "truncated"]
"""And in a Live session, which has no reason for a truncated turn."""

tells_why = pytest.mark.skipif(
    "turn_complete_reason" not in types.LiveServerContent.model_fields, reason="this SDK drops the reason of a turn"
)


async def _turn(url: str, ending: str, client: Callable[[str], Any] = gemini) -> None:
    """One turn of a Live session, read to its end, or up to the tool that it asks for."""
    async with client(url).aio.live.connect(model=MODEL, config={"response_modalities": ["TEXT"]}) as session:
        await session.send_client_content(turns={"role": "user", "parts": [{"text": "Please."}]}, turn_complete=True)
        async for message in session.receive():
            if message.tool_call and ending == "tool_call":
                return


@tells_why
def test_a_live_turn_can_be_refused() -> None:
    """In every way that has a form there, on either platform, of the model that the session was set up for."""
    with RefusalRecorder() as recorder:
        for scenario, client in zip(_LIVE, cycle([gemini, vertex]), strict=False):
            with inject("google_genai", scenario, model="asked-*") as injection:
                asyncio.run(_turn(NOWHERE, scenario.outcome, client))
            assert 1 == len(injection.requests)

    assert Counter(scenario.outcome for scenario in _LIVE) == recorder.operations
    declined = [scenario.stage for scenario in _LIVE if scenario.declines]
    assert declined == [refusal.stage for refusal in recorder.refusals]


@tells_why
def test_a_live_turn_that_has_no_form_is_told() -> None:
    """When the injection ends; the SDK sees a broken connection."""
    for scenario in (Scenario(category="cyber"), Scenario(outcome="truncated")):
        with (
            pytest.raises(CallBlocked, match="a Live turn of Google has no reason"),
            inject("google_genai", scenario),
            suppress(errors.APIError),
        ):
            asyncio.run(_turn(NOWHERE, "refused"))


@tells_why
def test_live_turns_get_fixtures() -> None:
    """Each message of one as it is; what is cut off in a fixture is left to the caller to leave."""
    fixtures = [one for one in FIXTURES if one.surface == "gemini.live" and one.outcome != "incomplete"]
    check_fixtures("google_genai", fixtures, lambda one: asyncio.run(_turn(NOWHERE, one.outcome)))


@has_interactions
@pytest.mark.parametrize("streamed", [False, True])
def test_an_interaction_can_be_refused(streamed: bool) -> None:
    """In every way that has a form there; a poll shows the same one again."""
    client = gemini(NOWHERE)
    with RefusalRecorder() as recorder:
        for scenario in _NAMED:
            with inject("google_genai", scenario, others="answer"):
                answer = client.interactions.create(**ASK, stream=streamed)
                if streamed:
                    list(answer)
                else:
                    client.interactions.get(id=answer.id)

    assert Counter(scenario.outcome for scenario in _NAMED) == recorder.operations
    declined = [scenario.stage for scenario in _NAMED if scenario.declines]
    assert declined == [refusal.stage for refusal in recorder.refusals]


@has_decisions
def test_a_decision_can_be_blocked() -> None:
    """Or answers every question, in the form of its kind; a category that it does not know is told."""
    client = gemini(NOWHERE)
    instructions = [{"type": "text", "text": "Which?"}]
    asked = {
        **QUESTIONS,
        "c": {"type": "choice", "instructions": instructions, "criteria": {"a": "The first.", "b": "The second."}},
        "s": {"type": "score", "instructions": instructions, "criteria": ["low", "high"]},
    }
    with RefusalRecorder() as recorder:
        for scenario in (Scenario(category="jailbreak"), Scenario(outcome="completed")):
            with inject("google_genai", scenario):
                decision = client.decisions.create(**ASK, questions=asked)
        with inject("google_genai", category="cyber"), pytest.raises(CallBlocked, match="no code for category='cyber'"):
            client.decisions.create(**ASK, questions=asked)

    assert {"q", "c", "s"} == set(decision.answers)
    assert "jailbreak" == recorder.assert_one(stage="pre_output").category


@has_videos
def test_images_and_videos_can_be_filtered() -> None:
    """With the category and the stage that their support code stands for."""
    client, operation = vertex(NOWHERE), types.GenerateVideosOperation(name=OPERATION)
    with RefusalRecorder() as recorder:
        for scenario in (Scenario(category="violence"), Scenario(stage="mid_stream", category="sexual")):
            with inject("google_genai", scenario):
                client.models.generate_images(**IMAGE)
        with inject("google_genai", outcome="completed"):
            client.models.generate_images(**IMAGE)
        client = gemini(NOWHERE)
        with inject("google_genai", category="hate"):
            client.operations.get(operation)

    assert {"refused": 3, "completed": 1} == recorder.operations
    told = [(refusal.category, refusal.stage) for refusal in recorder.refusals]
    assert [("violence", "pre_output"), ("sexual", "mid_stream"), ("hate", "pre_output")] == told
