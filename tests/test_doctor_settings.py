"""What the doctor reads in settings, and how it greets endpoints: one law at a time, without a process."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from otel_refusals.doctor.endpoints import endpoints
from otel_refusals.doctor.finding import Finding
from otel_refusals.doctor.forks import forks
from otel_refusals.doctor.neighbours import neighbours
from otel_refusals.doctor.pipeline import pipeline
from otel_refusals.doctor.report import Report
from otel_refusals.doctor.trial import arrived
from otel_refusals.testing.otlp import OtlpGrpcReceiver, OtlpReceiver

OTLP = {f"OTEL_{signal}_EXPORTER": "otlp" for signal in ("METRICS", "TRACES", "LOGS")}
METRICS = {"OTEL_METRICS_EXPORTER": "otlp"}


def read(**settings: str) -> dict[str, Finding]:
    """What is found in the settings, by subject."""
    return {finding.subject: finding for finding in pipeline({**OTLP, **settings})}


def greet(settings: Mapping[str, str], seconds: float = 5) -> list[Finding]:
    """What is found of the endpoints."""
    return list(endpoints({**METRICS, **settings}, seconds))


@pytest.mark.parametrize(
    ("setting", "value", "subject", "status"),
    [
        ("OTEL_METRICS_EXPORTER", "none", "metrics", "problem"),
        ("OTEL_METRICS_EXPORTER", "console", "metrics", "problem"),
        ("OTEL_METRICS_EXPORTER", "otlp, console", "metrics", "ok"),
        ("OTEL_TRACES_EXPORTER", "none", "traces", "warning"),
        ("OTEL_LOGS_EXPORTER", "", "logs", "warning"),
        ("OTEL_TRACES_EXPORTER", "jaeger_of_old", "traces", "problem"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "metrics", "problem"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf", "metrics", "ok"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Cumulative", "temporality", "ok"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "LowMemory", "temporality", "warning"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "both", "temporality", "warning"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "10000", "interval", "ok"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "300000", "interval", "warning"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "900000", "interval", "problem"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "nan", "interval", "problem"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "a minute", "interval", "warning"),
        ("OTEL_TRACES_SAMPLER", "parentbased_always_off", "sampler", "warning"),
        ("OTEL_TRACES_SAMPLER", "traceidratio", "sampler", "ok"),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "always_off", "exemplars", "warning"),
    ],
)
def test_what_a_setting_means(setting: str, value: str, subject: str, status: str) -> None:
    """For the refusals, and with a remedy where it is not in order."""
    finding = read(**{setting: value})[subject]

    assert status == finding.status
    assert (status == "ok") == (not finding.remedy)


@pytest.mark.parametrize("variable", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"])
def test_delta_temporality_is_a_problem_where_prometheus_takes_it(variable: str) -> None:
    """Anywhere else it is a guess what is behind the endpoint."""
    delta = {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"}

    assert "problem" == read(**delta, **{variable: "http://prometheus:9090/api/v1/otlp"})["temporality"].status
    assert "warning" == read(**delta, **{variable: "http://collector:4318"})["temporality"].status


def test_a_ratio_says_what_it_leaves_out() -> None:
    """One in ten kept is nine in ten without a trace."""
    finding = read(OTEL_TRACES_SAMPLER="parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG="0.1")["sampler"]

    assert "90% of the refusals have no trace" in finding.found


def test_a_configuration_file_is_the_only_source() -> None:
    """The variables are not read then, and nothing is said about them."""
    assert ["OTEL_CONFIG_FILE"] == list(read(OTEL_CONFIG_FILE="otel.yaml", OTEL_METRICS_EXPORTER="none"))


def test_http_sent_to_grpc_and_grpc_sent_to_http() -> None:
    """The commonest mistake: the other port of the same Collector."""
    with OtlpGrpcReceiver() as grpc, OtlpReceiver() as http:
        (one,) = greet({"OTEL_EXPORTER_OTLP_ENDPOINT": grpc.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"})
        (other,) = greet({"OTEL_EXPORTER_OTLP_ENDPOINT": http.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})

    assert ("problem", "speaks gRPC, and HTTP is sent") == (one.status, one.found)
    assert ("problem", "speaks HTTP/1, and gRPC is sent") == (other.status, other.found)


def test_the_endpoint_of_a_signal_is_taken_whole() -> None:
    """Without its path, an export meets a 404."""
    with OtlpReceiver() as received:
        whole = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": received.url}
        (finding,) = greet(whole)

    assert "problem" == finding.status
    assert "knows no / (404)" in finding.found


def test_one_endpoint_is_greeted_once_for_all_signals() -> None:
    """And named once."""
    with OtlpGrpcReceiver() as received:
        (finding,) = greet({**OTLP, "OTEL_EXPORTER_OTLP_ENDPOINT": received.url})

    assert f"metrics, traces, logs to grpc://{received.url.removeprefix('http://')}" == finding.subject


@pytest.mark.parametrize("url", ["collector", "http://", "http://user:secret", "ftp://127.0.0.1:1", "http://a:99999"])
def test_what_is_no_url(url: str) -> None:
    """Is a problem of its signal, and is not repeated: it may hold a secret."""
    (finding,) = greet({"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"})

    assert ("metrics", "problem") == (finding.subject, finding.status)
    assert "secret" not in finding.found


def test_a_proxy_is_named_without_its_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is between is asked, and `NO_PROXY` is honoured."""
    collector = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    with OtlpReceiver() as proxy:
        address = proxy.url.removeprefix("http://")
        monkeypatch.setenv("http_proxy", f"http://user:secret@{address}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        (through,) = greet(collector)
        (past,) = greet({**collector, "OTEL_EXPORTER_OTLP_ENDPOINT": proxy.url})

    assert ("warning", f"goes through the proxy {address}, which can be reached") == (through.status, through.found)
    assert "ok" == past.status


class _Ok(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@contextmanager
def encrypted(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """An HTTPS server; its URL, and the file of its own authority."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run([*made.split(), *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Ok)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # a handshake that fails is what is tested
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}", str(certificate)
    server.shutdown()
    server.server_close()
    thread.join()


def test_tls(tmp_path: Path) -> None:
    """A certificate has to be trusted, and both sides have to encrypt."""
    http = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    with encrypted(tmp_path) as (url, authority), OtlpReceiver() as plain:
        (trusted,) = greet({**http, "OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_CERTIFICATE": authority})
        (unknown,) = greet({**http, "OTEL_EXPORTER_OTLP_ENDPOINT": url})
        (clear,) = greet({**http, "OTEL_EXPORTER_OTLP_ENDPOINT": url.replace("https", "http")})
        (secret,) = greet({**http, "OTEL_EXPORTER_OTLP_ENDPOINT": plain.url.replace("http", "https")})

    assert ("ok", "answers (HTTP 200 to an empty export)") == (trusted.status, trusted.found)
    assert "its certificate is not trusted" in unknown.found
    assert "OTEL_EXPORTER_OTLP_CERTIFICATE" in unknown.remedy
    assert ("problem", "problem") == (clear.status, secret.status)
    assert "TLS fails" in secret.found


def distribution(path: Path, name: str, requires: str = "", entry_point: str = "") -> None:
    """Make it look installed, on `path`."""
    info = path / f"{name.replace('-', '_')}-1.2.dist-info"
    info.mkdir()
    requirement = f"Requires-Dist: {requires}\n" if requires else ""
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n{requirement}")
    (info / "entry_points.txt").write_text(
        f"[opentelemetry_instrumentor]\n{entry_point} = x:y\n" if entry_point else ""
    )


def test_other_instrumentations_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one name there are two families, told by what they require; one that is switched on says by which name."""
    distribution(tmp_path, "openinference-instrumentation-openai", entry_point="openai")
    distribution(tmp_path, "opentelemetry-instrumentation-anthropic", "opentelemetry-semantic-conventions-ai>=0.4")
    distribution(tmp_path, "opentelemetry-instrumentation-openai-v2")
    distribution(tmp_path, "logfire")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    findings = {finding.subject: finding for finding in neighbours(frozenset({"openai"}))}
    found = {subject: finding.found for subject, finding in findings.items()}

    assert "OpenInference: switched on at the start (openai)" == found["openinference-instrumentation-openai 1.2"]
    assert found["opentelemetry-instrumentation-anthropic 1.2"].startswith("OpenLLMetry: not switched on")
    assert found["opentelemetry-instrumentation-openai-v2 1.2"].startswith("OpenTelemetry: not switched on")
    assert found["logfire 1.2"].startswith("Logfire: not switched on")
    assert ["logfire 1.2"] == [subject for subject, finding in findings.items() if finding.status == "warning"]
    assert "suppress_other_instrumentation=False" in findings["logfire 1.2"].remedy


def test_a_server_that_forks_gets_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One port for all workers cannot be scraped; over OTLP each worker needs an instance of its own."""
    distribution(tmp_path, "gunicorn")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    (scraped,) = forks({"OTEL_METRICS_EXPORTER": "prometheus"})
    (pushed,) = forks({**OTLP, "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=a"})

    assert "only one process can serve metrics" in scraped.found
    assert "with the same service.instance.id" in pushed.found


def trial(**line: object) -> Finding:
    """What the doctor says of one export of spans."""
    told = {"kind": "export", "signal": "traces", "exporter": "Otlp", "ours": True, **line}
    (found,) = arrived("openai", Report(({"kind": "call", "seen": True}, told), ""), {})
    return found


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("error code: StatusCode.UNAVAILABLE, error details: failed to connect to all addresses", "see endpoints"),
        ("error code: StatusCode.UNAVAILABLE, error details: data refused due to high memory usage", "memory full"),
        ("Transient error Service Unavailable encountered while exporting spans batch", "memory full"),
        ("Failed to export spans batch code: 429, reason: Too Many Requests", "rate limited"),
        ("error code: StatusCode.DEADLINE_EXCEEDED, error details: Deadline Exceeded", "stuck"),
        ("Failed to export spans batch code: 401, reason: Unauthorized", "OTEL_EXPORTER_OTLP_HEADERS"),
        ("something new", "see endpoints"),
    ],
)
def test_a_failed_export_has_a_remedy_of_its_kind(reason: str, remedy: str) -> None:
    """By what the exporters of the SDK log."""
    found = trial(ok=False, reason=reason)

    assert "warning" == found.status
    assert reason in found.found
    assert remedy in found.remedy


def test_an_export_that_the_call_waits_for() -> None:
    """A processor that does not batch exports in the thread of the caller."""
    found = trial(ok=True, reason="", waited=True)

    assert "warning" == found.status
    assert "the call waited for it" in found.found
    assert "batch" in found.remedy
    assert "ok" == trial(ok=True, reason="", waited=False).status
