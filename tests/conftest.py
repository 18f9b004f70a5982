"""Real SDKs, a loopback vendor, real OpenTelemetry providers in memory; our own failures are raises here."""

from __future__ import annotations

import os
import signal
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_refusals
from otel_refusals import events, failure, origins
from otel_refusals.testing import StubServer
from tests.telemetry import Recorded

if TYPE_CHECKING:  # a vendor's own tests run where no other SDK is installed
    import anthropic
    import openai

# Every client of the SDKs loads the authorities that it trusts, which takes longer than a call. Nobody here speaks TLS
# to them, so one authority does, that of nobody.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).parent / "nobody.pem")
os.environ.pop("SSL_CERT_DIR", None)

# How long an example takes is for the benchmarks to say: a busy machine fails no test.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")

# What a shell runs in the background ignores interrupts, and so would every process that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The kit's plugin is loaded here, and not by its entry point, so that its first lines are measured as well.
pytest_plugins = ["otel_refusals.testing.pytest_plugin", "tests.bundle.figures", "tests.bundle.left_out"]

_spans = InMemorySpanExporter()
_tracer_provider = TracerProvider()
_tracer_provider.add_span_processor(SimpleSpanProcessor(_spans))


@pytest.fixture(scope="session", autouse=True)
def _global_tracer_provider() -> None:
    """The anthropic SDK takes its tracer from the global provider, which can be set once per process."""
    trace.set_tracer_provider(_tracer_provider)


@pytest.fixture(autouse=True)
def _our_failures_are_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure, "raise_failures", True)
    monkeypatch.setattr(events, "_warned", set())
    monkeypatch.setattr(origins, "_by_id", OrderedDict())  # the fixtures of all tests have the same ids


@pytest.fixture
def instrument() -> Iterator[Callable[..., Recorded]]:
    """Instrument with the given settings; what is reported comes back."""

    def start(**settings: Any) -> Recorded:
        _spans.clear()
        recorded = Recorded(_tracer_provider, _spans)
        otel_refusals.instrument(
            tracer_provider=_tracer_provider,
            meter_provider=recorded.meter_provider,
            logger_provider=recorded.logger_provider,
            **settings,
        )
        return recorded

    yield start
    otel_refusals.uninstrument()


@pytest.fixture
def recorded(instrument: Callable[..., Recorded]) -> Recorded:
    """What is reported, instrumented with the defaults."""
    return instrument()


@pytest.fixture(scope="session")
def _server() -> Iterator[StubServer]:
    with StubServer() as server:
        yield server


@pytest.fixture
def vendor(_server: StubServer) -> Iterator[StubServer]:
    """A vendor on loopback."""
    yield _server
    pending, _ = _server.pending, _server.clear()
    assert not pending, "replies were queued that nobody asked for"


@pytest.fixture(scope="session")
def claude(_server: StubServer) -> Iterator[anthropic.Anthropic]:
    """An anthropic client, made once: wrapping works on clients that exist already."""
    import anthropic

    with anthropic.Anthropic(base_url=_server.url, api_key="key", max_retries=0) as client:
        yield client


@pytest.fixture(scope="session")
def gpt(_server: StubServer) -> Iterator[openai.OpenAI]:
    """An openai client, made once."""
    import openai

    with openai.OpenAI(base_url=f"{_server.url}/v1", api_key="key", max_retries=0) as client:
        yield client


@pytest.fixture
def errors_of_sdk() -> Callable[[], suppress]:
    """A context in which the SDKs may raise what they raise."""
    import anthropic
    import openai

    return lambda: suppress(anthropic.AnthropicError, openai.OpenAIError)
