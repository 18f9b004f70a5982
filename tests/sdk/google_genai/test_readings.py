"""Every wire fixture, through the google-genai SDK, in every way to read the answer: one report, and the right one."""

from __future__ import annotations

from contextlib import suppress

import pytest
from google import genai
from google.genai import errors, types
from packaging.version import Version

from otel_refusals.testing import StubServer
from tests.fixtures import FIXTURES, Fixture
from tests.sdk.google_genai.drivers import MODEL, WAYS, Way
from tests.telemetry import Recorded

VERSION = Version(genai.__version__)
OLD = VERSION < Version("2")
_DROPPED = {
    "thought": "thoughts_token_count" not in types.GenerateContentResponseUsageMetadata.model_fields,
    "function_calling": "response_id" not in types.GenerateContentResponse.model_fields,
    "withheld_token_count": OLD,
    "stream_error": OLD,
}
"""What an older SDK drops while it decodes, by a part of the names of the fixtures that are about it."""


def yields(way: Way) -> bool:
    """Whether the installed SDK hands on anything at all this way."""
    return way.name != "stream, no function calling" or Version("1.1") <= VERSION


def is_told(fixture: Fixture, way: Way) -> bool:
    """Whether the installed SDK hands on what the fixture is about."""
    return yields(way) and not any(dropped and about in fixture.path for about, dropped in _DROPPED.items())


_CASES = [
    pytest.param(fixture, way, id=f"{fixture.path} by {way.name}")
    for way in WAYS
    for fixture in FIXTURES
    if way.fits(fixture) and is_told(fixture, way)
]


@pytest.mark.parametrize(("fixture", "way"), _CASES)
def test_the_sdk_call_is_reported_once_as_the_manifest_says(
    fixture: Fixture, way: Way, recorded: Recorded, vendor: StubServer
) -> None:
    """However the answer is read, sync or async, whole or streamed, by a chat or not, of either platform."""
    vendor.queue(fixture.reply)
    with suppress(errors.APIError):
        way(vendor.url)

    platform = "gcp.vertex_ai" if "Vertex" in way.name else "gcp.gemini"
    labels = ("refusal.outcome", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.operation.name")
    operations = recorded.sums("refusal.client.operations", *labels)
    assert {(fixture.outcome, platform, MODEL, "generate_content"): 1} == operations
    declines = recorded.points("refusal.client.refusals")
    assert fixture.refusals == sum(point.value for point in declines)
    if fixture.refusals:
        labels = ("refusal.category", "refusal.stage", "refusal.source")
        deciding = (fixture.category, fixture.stage, fixture.source)
        assert deciding in recorded.sums("refusal.client.refusals", *labels)
        assert fixture.category == recorded.span["refusal.category"]
        assert fixture.raw_category == recorded.span.get("refusal.raw_category")
        assert fixture.stage == recorded.span["refusal.stage"]
        assert fixture.discarded_output_tokens == recorded.span.get("refusal.discarded.output_tokens")
