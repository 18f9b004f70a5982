"""No content and no secret leaves: a marker in all that callers and vendors write, and a search of all that goes out.

Every wire fixture is answered to a call of the real SDK, with a marker in each of its texts; the request has them in
its prompts, tools, names, headers and keys.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import generate_latest

import otel_refusals
from otel_refusals import names
from otel_refusals.testing import Reply
from otel_refusals.testing.event_stream import frame
from otel_refusals.testing.transports import answering
from tests import drivers
from tests.fixtures import FIXTURES, Fixture
from tests.fuzz.calls import SDKS, Call
from tests.fuzz.mutations import fresh
from tests.sdk.botocore import calls as bedrock
from tests.sdk.cohere import driver as cohere
from tests.sdk.google_genai import drivers as gemini
from tests.sdk.mistralai import driver as mistral

_MARKER = re.compile(rb"PLANTED\w+?END")

_WRITTEN = frozenset(
    {
        *("text", "thinking", "signature", "content", "input", "arguments", "partial_json", "delta", "name", "prompt"),
        *("explanation", "refusal", "message", "finishMessage", "blockReasonMessage", "block_reason_message", "err"),
        *("detailed_explanation", "raiFilteredReason", "raiMediaFilteredReasons", "fallback_credit_token", "error"),
        *("match", "regex", "outputText", "generation", "tool_plan", "uri", "query", "q", "choice", "value", "output"),
        *("agent_name", "param", "stop_sequence", "originalMessage", "actionReason", "modelOutput"),
    }
)
"""Members that hold what a model or a person wrote; so does any text with a space in it, but for a stop reason."""

_EXPLANATIONS = frozenset(
    {
        *("explanation", "refusal", "message", "finishMessage", "blockReasonMessage", "block_reason_message"),
        *("detailed_explanation", "raiFilteredReason", "delta", "name"),
    }
)
"""Those that explain a decline; the delta of a refusal, and the name of a topic that a guardrail denies."""


class Planter:
    """Puts markers into texts, and knows which member each stands in."""

    def __init__(self) -> None:
        self.members: dict[str, str] = {}

    def marked(self, member: str, value: str = "") -> str:
        """`value` behind a marker."""
        marker = f"PLANTED{len(self.members):06}END"
        self.members[marker] = member
        return f"{marker} {value}"

    def wire(self, value: Any, member: str = "") -> Any:
        """`value` with a marker in each text."""
        if isinstance(value, dict):
            return {name: self.wire(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.wire(inner, member) for inner in value]
        is_text = isinstance(value, str) and value and member != "finish_reasons"
        return self.marked(member, value) if is_text and (member in _WRITTEN or " " in value) else value

    def reply(self, found: Fixture) -> Reply:
        """What the vendor answers."""
        wires = self.wire(fresh(found))
        headers = {"x-organization": self.marked("header"), "set-cookie": f"session={self.marked('cookie')}"}
        if found.framed:
            return Reply([frame(wire) for wire in wires], found.status, found.content_type, headers)
        write = _event if found.content_type == "text/event-stream" else _line
        return Reply(b"".join(map(write, wires)), found.status, found.content_type, headers)

    def requests(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put markers into the arguments of every SDK's calls."""
        said = [{"role": "user", "content": self.marked("prompt"), "name": self.marked("user")}]
        tool = {"name": self.marked("tool"), "description": self.marked("tool"), "input_schema": {"type": "object"}}
        sent = {"extra_headers": {"x-secret": self.marked("header")}, "extra_query": {"token": self.marked("query")}}
        person = {"metadata": {"user_id": self.marked("user")}}
        for arguments in drivers.ARGUMENTS.values():
            _set(monkeypatch, arguments, sent)
        for surface in ("messages", "beta.messages"):
            more = {"messages": said, "system": self.marked("system"), "tools": [tool], **person}
            _set(monkeypatch, drivers.ARGUMENTS[surface], more)
        more = {"messages": said, "user": self.marked("user"), "safety_identifier": self.marked("user"), **person}
        _set(monkeypatch, drivers.ARGUMENTS["chat"], more)
        more = {"input": self.marked("prompt"), "instructions": self.marked("system"), **person}
        _set(monkeypatch, drivers.ARGUMENTS["responses"], more)
        for surface in ("completions", "images"):
            _set(monkeypatch, drivers.ARGUMENTS[surface], {"prompt": self.marked("prompt")})
        config = {"system_instruction": self.marked("system"), "labels": {"file": self.marked("file name")}}
        _set(monkeypatch, gemini.CALL, {"contents": self.marked("prompt"), "config": {**config, "labels": None}})
        calls = [*mistral.CALLS.values(), *cohere.CALLS.values()]
        for arguments in [call[3] for of_surface in calls for call in of_surface]:
            written = {"messages": [{"role": "user", "content": self.marked("prompt")}]}
            written |= {name: self.marked("prompt") for name in ("inputs", "input", "prompt", "message")}
            _set(monkeypatch, arguments, {name: text for name, text in written.items() if name in arguments})
        for method in (bedrock.CONVERSE, bedrock.CONVERSE_STREAM):
            content = [
                {"text": self.marked("prompt")},
                {
                    "document": {
                        "format": "txt",
                        "name": self.marked("file name"),
                        "source": {"bytes": b"PLANTEDdocEND"},
                    }
                },
            ]
            more = {"messages": [{"role": "user", "content": content}], "system": [{"text": self.marked("system")}]}
            _set(monkeypatch, bedrock.CALLS[method][1], {**more, "requestMetadata": {"user": self.marked("user")}})
        for method in (bedrock.INVOKE, bedrock.INVOKE_STREAM):
            body = json.dumps({"messages": [self.marked("prompt")]}).encode()
            _set(monkeypatch, bedrock.CALLS[method][1], {"body": body})


def _set(monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        monkeypatch.setitem(arguments, name, value)


def _event(wire: Any) -> bytes:
    kind = wire.get("type")
    named = f"event: {kind}\n" if isinstance(kind, str) else ""
    return f"{named}data: {json.dumps(wire)}\n\n".encode()


def _line(wire: Any) -> bytes:
    return json.dumps(wire).encode() + b"\n"


class Exports:
    """Every signal, kept until it is asked for as the bytes that go out."""

    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(self.spans))  # type: ignore[attr-defined]
        self._metrics = InMemoryMetricReader()
        self._scraped = PrometheusMetricReader()
        self.meter_provider = MeterProvider([self._metrics, self._scraped], shutdown_on_exit=False)
        self._logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        self.logger_provider = LoggerProvider(shutdown_on_exit=False)
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self._logs))

    def bytes(self) -> bytes:
        """OTLP of all three signals, and what Prometheus scrapes."""
        data = self._metrics.get_metrics_data()
        assert data is not None
        otlp = (
            encode_spans(self.spans.get_finished_spans()),
            encode_metrics(data),
            encode_logs(self._logs.get_finished_logs()),
        )
        return b"\n".join((*(request.SerializeToString() for request in otlp), generate_latest()))

    @property
    def outcomes(self) -> Counter[str]:
        """How many operations ended how."""
        data = self._metrics.get_metrics_data()
        metrics = [found for one in data.resource_metrics for scope in one.scope_metrics for found in scope.metrics]
        (operations,) = [metric.data.data_points for metric in metrics if metric.name == names.OPERATIONS.name]
        counted: Counter[str] = Counter()
        for point in operations:
            counted[point.attributes[names.OUTCOME]] += point.value
        return +counted

    def close(self) -> None:
        """Take no more."""
        self.spans.shutdown()
        self.meter_provider.shutdown()
        self.logger_provider.shutdown()


@pytest.fixture
def exports() -> Iterator[Exports]:
    """Where everything goes."""
    exports = Exports()
    yield exports
    otel_refusals.uninstrument()
    exports.close()


def calls() -> Iterator[tuple[Fixture, Call]]:
    """Each fixture with one call that it answers."""
    # A 403 is a guardrail's only where the request asked for guardrails.
    for found in [one for one in FIXTURES if one.name != "error_403_guardrail"]:
        for calls_of in SDKS.values():
            for _, call in list(calls_of(found))[:1]:
                yield found, call


@pytest.mark.filterwarnings("ignore:.* is not a valid:UserWarning")  # google-genai says so of new reasons
@pytest.mark.parametrize("capture", [False, True], ids=["default", "explanations"])
def test_nothing_that_was_written_is_exported(
    capture: bool, exports: Exports, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither by the caller nor by the vendor; with capture on, what explains a decline and nothing else. With a span
    for every operation, which is more than is exported by default.
    """
    planter = Planter()
    planter.requests(monkeypatch)
    caplog.set_level(logging.DEBUG, "otel_refusals")
    otel_refusals.instrument(
        tracer_provider=trace.get_tracer_provider(),
        meter_provider=exports.meter_provider,
        logger_provider=exports.logger_provider,
        spans="all",
        capture_explanation=capture,
    )
    expected: Counter[str] = Counter()
    for found, call in calls():
        expected[found.outcome] += 1
        _play(call, planter.reply(found))
    exported = exports.bytes() + "".join(map(_formatted, caplog.records)).encode()

    leaked = {marker.decode() for marker in _MARKER.findall(exported)}
    members = {planter.members.get(marker, marker) for marker in leaked}
    assert expected == exports.outcomes
    assert set() == members if not capture else {"explanation", "refusal"} <= members <= _EXPLANATIONS


def _play(call: Call, reply: Reply) -> None:
    """Make the call, and take all that it gives."""
    with answering(lambda _: reply), suppress(Exception):
        deque(call(), maxlen=0)


def _formatted(record: logging.LogRecord) -> str:
    """All of one of our own log records, a traceback included."""
    return logging.Formatter().format(record) if record.name.startswith("otel_refusals") else ""
