"""`opentelemetry-instrument python app.py`: an application that knows nothing of us exports refusals over real OTLP."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

import otel_refusals
from otel_refusals.instrumentor import (
    AnthropicRefusalsInstrumentor,
    BotocoreRefusalsInstrumentor,
    GoogleGenAIRefusalsInstrumentor,
    OpenAIRefusalsInstrumentor,
)
from otel_refusals.testing import Reply, Request, StubServer
from otel_refusals.testing.otlp import OtlpGrpcReceiver, OtlpReceiver, Received
from tests.fixtures import fixture

APP = Path(__file__).parent / "apps" / "knows_nothing.py"


def answer(request: Request) -> Reply:
    """The Anthropic call is refused in the middle of its stream, the OpenAI one ends with a reason of the future."""
    if request.path.endswith("/messages"):
        return fixture("anthropic/stream_refusal_mid_text.sse").reply
    return fixture("openai/chat_unknown_finish_reason.json").reply


def run_app(received: Received, protocol: str, **environment: str) -> str:
    """Run the application under `opentelemetry-instrument`, exporting to `received`; what it printed."""
    with StubServer(answer) as vendor:
        done = subprocess.run(
            [Path(sysconfig.get_path("scripts")) / "opentelemetry-instrument", sys.executable, APP],
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("OTEL_")},
                "ANTHROPIC_BASE_URL": vendor.url,
                "ANTHROPIC_API_KEY": "key",
                "OPENAI_BASE_URL": f"{vendor.url}/v1",
                "OPENAI_API_KEY": "key",
                "OTEL_EXPORTER_OTLP_ENDPOINT": received.url,
                "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
                **environment,
            },
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
    return done.stdout


@pytest.mark.parametrize(
    ("receiver", "protocol"), [(OtlpReceiver, "http/protobuf"), (OtlpGrpcReceiver, "grpc")], ids=["http", "grpc"]
)
def test_an_application_that_knows_nothing_exports_its_refusals(
    receiver: type[OtlpReceiver | OtlpGrpcReceiver], protocol: str
) -> None:
    """The right metrics, spans and logs, over both protocols of OTLP; the application sees no difference."""
    with receiver() as received:
        printed = run_app(received, protocol)

    assert "False" == printed.split()[2]
    operations = "refusal.client.operations"
    assert 1 == received.total(operations, {"gen_ai.provider.name": "anthropic", "refusal.outcome": "refused"})
    assert 1 == received.total(operations, {"gen_ai.provider.name": "openai", "refusal.outcome": "unknown"})
    assert 2 == received.total(operations)
    (refusal,) = received.latest("refusal.client.refusals")
    assert ("bio", "mid_stream") == (refusal.attributes["refusal.category"], refusal.attributes["refusal.stage"])
    assert "otel_refusals" == refusal.scope
    spans = {span.scope: span for span in received.spans if "refusal.outcome" in span.attributes}
    assert {"com.anthropic.sdk.python": "refused", "otel_refusals": "unknown"} == {
        scope: span.attributes["refusal.outcome"] for scope, span in spans.items()
    }
    assert ["refusal.detected", "refusal.unknown_stop_reason"] == [log.event_name for log in received.logs]
    assert refusal.exemplars[0].span_id == spans["com.anthropic.sdk.python"].span_id == received.logs[0].span_id


def test_a_vendor_can_be_disabled_by_name() -> None:
    """With OpenTelemetry's own variable."""
    with OtlpReceiver() as received:
        run_app(received, "http/protobuf", OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="refusals_openai")

    providers = {point.attributes["gen_ai.provider.name"] for point in received.latest("refusal.client.operations")}
    assert {"anthropic"} == providers


def test_the_environment_configures_an_application_that_knows_nothing() -> None:
    """The workload, the span policy and a taught stop reason."""
    with OtlpReceiver() as received:
        run_app(
            received,
            "http/protobuf",
            OTEL_REFUSALS_WORKLOAD="nightly",
            OTEL_REFUSALS_SPANS="off",
            OTEL_REFUSALS_STOP_REASONS="openai:brand_new_reason=completed",
        )

    assert 1 == received.total("refusal.client.operations", {"refusal.outcome": "completed"})
    assert {"nightly"} == {p.attributes["refusal.workload"] for p in received.latest("refusal.client.operations")}
    assert "otel_refusals" not in {span.scope for span in received.spans}


def test_there_is_one_entry_point_per_vendor() -> None:
    """Named so that no other distribution's name is taken."""
    found = {point.name: point.load() for point in entry_points(group="opentelemetry_instrumentor")}

    assert AnthropicRefusalsInstrumentor is found["refusals_anthropic"]
    assert BotocoreRefusalsInstrumentor is found["refusals_botocore"]
    assert GoogleGenAIRefusalsInstrumentor is found["refusals_google_genai"]
    assert OpenAIRefusalsInstrumentor is found["refusals_openai"]


@pytest.mark.parametrize("make", [AnthropicRefusalsInstrumentor, OpenAIRefusalsInstrumentor])
def test_an_instrumentor_instruments_its_vendor_only(make: type[BaseInstrumentor]) -> None:
    """As the loader uses it."""
    import anthropic._base_client as claude
    import openai._base_client as gpt

    def patched() -> set[str]:
        cores = {"anthropic": claude, "openai": gpt}
        return {name for name, core in cores.items() if hasattr(vars(core.SyncAPIClient)["request"], "_self_wrapper")}

    instrumentor = make()
    assert instrumentor.instrumentation_dependencies()
    instrumentor.instrument(skip_dep_check=True)
    try:
        assert {instrumentor.vendor} == patched()
    finally:
        instrumentor.uninstrument()
    assert set() == patched()
    otel_refusals.uninstrument()
