"""Injection reaches every way to call the anthropic and openai SDKs, with fixtures and with scenarios."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from otel_refusals.testing import RefusalRecorder, Scenario, inject
from tests.drivers import ARGUMENTS, WAYS, Way
from tests.fixtures import FIXTURES
from tests.injected import NOWHERE, check_fixtures, check_scenarios


def _vendor(surface: str) -> str:
    return "anthropic" if surface.endswith("messages") else "openai"


_CASES = [
    pytest.param(way, surface, id=f"{surface} by {way.name}")
    for way in WAYS
    for surface in ARGUMENTS
    if any(fixture.surface == surface and way.fits(fixture) for fixture in FIXTURES)
]
_PLAIN = [case for case in _CASES if case.values[0].name in ("create", "create, async", "stream", "stream, async")]
_SPOKEN = [case for case in _CASES if case.values[1] not in ("images", "decisions", "beta.messages")]
_TOLD_BY_TEXT_ALONE = ("chat", "completions")
"""Their streams have no usage unless it is asked for, and legacy completions have only text."""


@pytest.fixture
def may_raise(errors_of_sdk: Callable[[], suppress]) -> Callable[[Way, str], None]:
    """Makes a call; the SDKs raise for errors, their helpers for some refusals."""

    def make(way: Way, surface: str) -> None:
        with errors_of_sdk(), suppress(RuntimeError, AssertionError):
            way(surface, NOWHERE)

    return make


@pytest.mark.parametrize(("way", "surface"), _PLAIN)
def test_every_fixture_can_be_injected(way: Way, surface: str, may_raise: Callable[[Way, str], None]) -> None:
    """And is read as when the vendor sends it."""
    fixtures = [fixture for fixture in FIXTURES if fixture.surface == surface and way.fits(fixture)]
    check_fixtures(_vendor(surface), fixtures, lambda _: may_raise(way, surface))


@pytest.mark.parametrize(("way", "surface"), _SPOKEN)
def test_every_way_of_being_refused_can_be_injected(
    way: Way, surface: str, may_raise: Callable[[Way, str], None]
) -> None:
    """In one piece and token by token, sync and async, raw and by the helpers."""
    hides = surface == "completions" or (surface in _TOLD_BY_TEXT_ALONE and way.streamed)
    check_scenarios(_vendor(surface), lambda: may_raise(way, surface), hides)


@pytest.mark.parametrize("platform", ["bedrock", "vertex"])
def test_platforms_of_the_anthropic_sdk_are_reached(platform: str) -> None:
    """With paths of their own, and frames of AWS instead of server-sent events."""
    import anthropic

    if platform == "bedrock":
        client = anthropic.AnthropicBedrock(aws_region="r", aws_access_key="a", aws_secret_key="s", max_retries=0)
    else:
        client = anthropic.AnthropicVertex(region="r", project_id="p", access_token="token", max_retries=0)

    def both() -> None:
        for _ in client.messages.create(**ARGUMENTS["messages"], stream=True):
            pass

    with client:
        check_scenarios("anthropic", lambda: client.messages.create(**ARGUMENTS["messages"]))
        check_scenarios("anthropic", both)


_REJECTED = [case for case in _CASES if case.values[1] in ("images", "decisions")]


@pytest.mark.parametrize(("way", "surface"), _REJECTED)
def test_images_and_decisions_are_refused_or_not(way: Way, surface: str, may_raise: Callable[[Way, str], None]) -> None:
    """They have no other way to end; a decision names no category."""
    with RefusalRecorder() as recorder:
        for scenario in (Scenario(category="sexual"), Scenario(outcome="completed")):
            with inject("openai", scenario):
                may_raise(way, surface)

    assert {"refused": 1, "completed": 1} == recorder.operations
    assert ("sexual" if surface == "images" else "unspecified") == recorder.refusals[0].category
