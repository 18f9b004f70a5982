"""Injection reaches every way to call the google-genai SDK: over httpx, and over aiohttp."""

from __future__ import annotations

from contextlib import suppress

import pytest
from google.genai import errors

from tests.fixtures import FIXTURES
from tests.injected import NOWHERE, check_fixtures, check_scenarios
from tests.sdk.google_genai.drivers import WAYS, Way
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
