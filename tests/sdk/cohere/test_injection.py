"""Injection reaches the cohere SDK, with clients of v1 and v2."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.fixtures import FIXTURES, Fixture, fixture
from tests.injected import NOWHERE, check_fixtures, check_scenarios
from tests.sdk.cohere.driver import Way, ways

_SENT = (
    "v2_chat_complete.json",
    "v2_chat_stream_complete.sse",
    "v1_chat_complete.json",
    "v1_chat_stream_complete.jsonl",
)
_WAYS = [way for name in _SENT for way in ways(fixture(f"cohere/{name}"))]
_SURFACES = sorted({one.surface for one in FIXTURES if one.provider == "cohere"})


def _call(way: Way) -> None:
    with suppress(Exception):  # the SDK raises for error statuses
        way(NOWHERE)


@pytest.mark.parametrize("surface", _SURFACES)
def test_every_fixture_can_be_injected(surface: str) -> None:
    """And is read as when the vendor sends it."""

    def call(sent: Fixture) -> None:
        _call(next(iter(ways(sent))))

    check_fixtures("cohere", [one for one in FIXTURES if one.surface == surface and any(ways(one))], call)


@pytest.mark.parametrize("way", _WAYS, ids=lambda way: way.name)
def test_every_way_of_being_refused_can_be_injected(way: Way) -> None:
    """Whole and streamed, sync and async, parsed and raw; version 1 shows no thinking."""
    check_scenarios("cohere", lambda: _call(way))


@pytest.mark.parametrize("way", list(ways(fixture("cohere/generate_complete.json"))), ids=lambda way: way.name)
def test_generate_is_refused_too(way: Way) -> None:
    """It has only text."""
    check_scenarios("cohere", lambda: _call(way), hides_thinking=True)


@pytest.mark.parametrize("way", list(ways(fixture("cohere/generate_stream_complete.jsonl"))), ids=lambda way: way.name)
def test_generate_is_refused_in_a_stream(way: Way) -> None:
    """In lines of JSON."""
    check_scenarios("cohere", lambda: _call(way), hides_thinking=True)
