"""A backend that is away, restarted, stopped or refusing: what the caller gets, what is lost, and what tells so."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import anthropic
import openai
import pytest

from otel_refusals.testing import StubServer
from otel_refusals.testing.otlp import OtlpReceiver
from tests.backends import EVENTS, OPERATIONS, ROUND, SPANS, Backend, ask_round, backend, stopped
from tests.bundle.servers import until
from tests.fixtures import fixture

LEAVES_STREAMS = Path(__file__).parent / "apps" / "leaves_streams.py"
by_protocol = pytest.mark.parametrize("protocol", ["grpc", "http"])


@pytest.fixture(autouse=True)
def _the_sdk_counts_what_it_loses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "true")


@pytest.fixture
def sent(protocol: str, tmp_path: Path) -> Iterator[Backend]:
    """An address with nobody there."""
    with backend(tmp_path / "collector", protocol) as sent:
        yield sent


@pytest.fixture
def ask(vendor: StubServer, claude: anthropic.Anthropic, gpt: openai.OpenAI) -> Callable[[], None]:
    """Make one round of calls, whose results are those that the plain SDKs give."""
    plain = ask_round(vendor, claude, gpt)

    def asked() -> None:
        assert plain == ask_round(vendor, claude, gpt)

    return asked


def complaints(caplog: pytest.LogCaptureFixture) -> str:
    """What the exporters log as errors."""
    lines = (line for line in caplog.records if line.name.startswith("opentelemetry.exporter"))
    return "\n".join(line.getMessage() for line in lines if line.levelno >= logging.ERROR)


@by_protocol
@pytest.mark.needs("otelcol")
def test_counts_are_exact_after_every_outage(
    sent: Backend, ask: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    """Away from the start, then there, ended, there again, stopped and there: no count is lost, as counters are
    cumulative. A span or an event is there, or the SDK counts it as lost; after a stop it may be both.
    """

    def arrived(rounds: int) -> bool:
        return sent.outcomes() == {word: rounds * count for word, count in ROUND.items()}

    with sent.exporting() as providers:
        ask()
        providers.flush()
        with sent.collector():
            until(lambda: arrived(1), "what was counted while nobody was there")
            ask()
            until(lambda: arrived(2), "what was counted since")
        ask()
        providers.flush()
        with sent.collector() as server:
            until(lambda: arrived(3), "what was counted while it was away")
            with stopped(server):
                ask()
                providers.flush()
            until(lambda: arrived(4), "what was counted while it stood still")
            until(lambda: sent.made("span") >= 4 * SPANS and sent.made("log") >= 4 * EVENTS, "account of every span")

    assert len(sent.spans) + sent.lost("span") >= 4 * SPANS
    assert len(sent.events) + sent.lost("log") >= 4 * EVENTS
    assert "Failed to export" in complaints(caplog)


@by_protocol
@pytest.mark.needs("otelcol")
def test_an_outage_shorter_than_the_patience_of_the_exporters_loses_nothing(
    sent: Backend, ask: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    """They try again and again; for ten seconds by default."""
    with sent.exporting(timeout=30) as providers:
        ask()
        until(lambda: "Transient error" in caplog.text, "the first attempt to send")
        with sent.collector():
            until(lambda: sent.outcomes() == ROUND, "every count")
            until(lambda: (len(sent.spans), len(sent.events)) == (SPANS, EVENTS), "every span and event")
            providers.shutdown()


@by_protocol
@pytest.mark.needs("otelcol")
def test_a_collector_that_refuses(sent: Backend, ask: Callable[[], None], caplog: pytest.LogCaptureFixture) -> None:
    """One whose memory is full turns everything away, over HTTP with 503 and over gRPC with UNAVAILABLE; once there is
    one that takes it, every count is there.
    """
    with sent.exporting() as providers:
        with sent.collector(MEMORY_LIMIT_MIB="81") as server:
            until(lambda: "above soft limit" in server.log.read_text(), "a full memory")
            ask()
            providers.flush()
        assert {} == sent.outcomes()
        assert set() == sent.spans
        assert "Failed to export" in complaints(caplog)
        with sent.collector():
            until(lambda: sent.outcomes() == ROUND, "every count")


@pytest.mark.needs("otelcol")
def test_a_full_queue_takes_no_count_and_the_sdk_says_what_it_drops(
    tmp_path: Path, ask: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    """A storm of refusals while the Collector stands still: every call is counted, and of spans and events what does
    not fit is dropped, logged and counted.
    """
    with backend(tmp_path / "collector", "http") as sent, sent.collector() as server:
        with sent.exporting(queue=4, timeout=2) as providers:
            with stopped(server):
                for _ in range(8):
                    ask()
            until(lambda: sent.outcomes() == {word: 8 * count for word, count in ROUND.items()}, "every count")
            providers.flush()
        assert 0 < sent.dropped("span") < 8 * SPANS
        assert 8 * SPANS <= len(sent.spans) + sent.dropped("span") + sent.lost("span")
        assert 8 * EVENTS <= len(sent.events) + sent.dropped("log") + sent.lost("log")
    assert "Queue full, dropping" in caplog.text


def left_open(vendor: StubServer, endpoint: str) -> str:
    """Run the application that ends with three streams open; what it prints comes back once it has ended."""
    vendor.queue(*[fixture("anthropic/stream_refusal_mid_text.sse").reply] * 3)
    settings = {
        "ANTHROPIC_BASE_URL": vendor.url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
    }
    command = [sys.executable, LEAVES_STREAMS]
    environment = {**os.environ, **settings}
    return subprocess.run(command, env=environment, capture_output=True, check=True, text=True, timeout=120).stdout


def test_streams_that_are_open_at_exit_are_exported(vendor: StubServer) -> None:
    """Before the SDK shuts down, also where it was set up after `instrument()`."""
    with OtlpReceiver() as store:
        assert "left\n" == left_open(vendor, store.url)
        assert 3 == store.total(OPERATIONS, {"refusal.outcome": "incomplete"})


def test_a_process_ends_although_its_backend_does_not_answer(vendor: StubServer) -> None:
    """With what it printed, and exit code 0; how long that takes at most, the SDK says."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert "left\n" == left_open(vendor, f"http://127.0.0.1:{silent.getsockname()[1]}")
