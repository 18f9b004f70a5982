"""Injection reaches the mistralai SDK: chat, agents and fim by scenarios, everything by fixtures."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.fixtures import FIXTURES, Fixture, fixture
from tests.injected import NOWHERE, check_fixtures, check_scenarios
from tests.sdk.mistralai.driver import TELLS_THE_BODY, Way, ways

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
