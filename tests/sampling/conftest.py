"""The bundled endpoint, as fast as it can be, and the command line in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from otel_refusals.cli.sample import sample
from otel_refusals.demo import endpoint as bundled
from tests.sampling.asked import MODEL, OTHER, CountingEndpoint

Sample = Callable[..., Result]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint of this process answers without taking its time."""
    monkeypatch.setattr(bundled, "ANSWER_PACE", 0.0)
    monkeypatch.setattr(bundled, "TOKEN_PACE", 0.0)


@pytest.fixture
def endpoint(at_once: None) -> Iterator[CountingEndpoint]:
    """A vendor that declines three of ten prompts, or one of ten with its other model."""
    with CountingEndpoint({MODEL: 0.3, OTHER: 0.1}) as vendor:
        yield vendor


@pytest.fixture
def run_sample(monkeypatch: pytest.MonkeyPatch) -> Sample:
    """`otel-refusals sample` with these arguments, in this process."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    return lambda *args: CliRunner().invoke(sample, list(args))
