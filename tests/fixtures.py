"""The wire fixtures, by the names that the tests use."""

from __future__ import annotations

from otel_refusals.testing.fixtures import Wire as Fixture
from otel_refusals.testing.fixtures import wires

__all__ = ["BY_PATH", "FIXTURES", "Fixture", "fixture"]

FIXTURES = wires()
BY_PATH = {fixture.path: fixture for fixture in FIXTURES}


def fixture(path: str) -> Fixture:
    """The fixture at `path`, for example `anthropic/stream_completed.sse`."""
    return BY_PATH[path]
