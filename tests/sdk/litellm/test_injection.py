"""Injection reaches LiteLLM under the vendors that it calls: it has no wire of its own.

What it sends by its own HTTP client is told by its path, what it has the openai SDK send by that SDK.
"""

from __future__ import annotations

from contextlib import suppress

import pytest

from otel_refusals.testing import RefusalRecorder, Scenario, inject
from tests.fixtures import FIXTURES
from tests.injected import NOWHERE
from tests.sdk.litellm.driver import COHERE, Way, ways

_VENDORS = {"anthropic": "anthropic", "aws.bedrock": "botocore", "gcp.gemini": "google_genai", "cohere": "cohere"}
"""By provider, the vendor whose wire is spoken; all others speak OpenAI's."""

_WAYS = {
    way.name: way
    for fixture in FIXTURES
    for way in ways(fixture)
    if not (way.streamed and way.route is COHERE)  # LiteLLM raises at the names of Cohere's events
}


@pytest.mark.parametrize("way", _WAYS.values(), ids=list(_WAYS))
def test_a_refusal_can_be_injected_under_it(way: Way) -> None:
    """Before output and in the middle of it, sync and async, whole and streamed."""
    vendor = _VENDORS.get(way.route.provider, "openai")
    with RefusalRecorder() as recorder:
        for scenario in (Scenario(), Scenario(stage="mid_stream"), Scenario(outcome="completed")):
            with inject(vendor, scenario), suppress(Exception):  # it raises for what it cannot read
                way(NOWHERE)

    assert {"refused": 2, "completed": 1} == recorder.operations
