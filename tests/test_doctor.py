"""`otel-refusals doctor` as a process, against real receivers, dead ports and bad settings."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from otel_refusals.doctor.calls import callable_vendors
from otel_refusals.testing.otlp import OtlpGrpcReceiver, OtlpReceiver
from otel_refusals.vendors import VENDORS
from tests.bundle.servers import until
from tests.bundle.stack import STACK
from tests.bundle.start import collector

SCRIPTS = Path(sysconfig.get_path("scripts"))
HTTP = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
ONLY = "--vendor openai"


def environment(**more: str) -> dict[str, str]:
    """Ours, without any setting of OpenTelemetry's, and without proxies."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith("OTEL_") and not n.lower().endswith("_proxy")}
    return {**kept, **more}


def ask(arguments: str, *, under: bool = False, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the doctor, plain or under `opentelemetry-instrument`."""
    command = [SCRIPTS / "otel-refusals", "doctor", *arguments.split()]
    return subprocess.run(
        [SCRIPTS / "opentelemetry-instrument", *command] if under else command,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=180,
    )


def findings(arguments: str, **settings: Any) -> tuple[int, dict[str, list[dict[str, str]]]]:
    """The exit code, and what was found by area."""
    done = ask(f"--json {arguments}", **settings)
    assert done.returncode in {0, 1}, done.stderr
    by_area: dict[str, list[dict[str, str]]] = {}
    for finding in json.loads(done.stdout)["findings"]:
        by_area.setdefault(finding["area"], []).append(finding)
        assert finding["status"] == "ok" or finding["remedy"], finding
    return done.returncode, by_area


def statuses(found: list[dict[str, str]]) -> dict[str, str]:
    """Status by subject."""
    return {finding["subject"]: finding["status"] for finding in found}


def dead_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def hostile(drip: bytes) -> Iterator[str]:
    """An endpoint that takes every connection and never comes to an end: it says nothing, or a byte now and then."""
    stop = Event()
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as taken:
        server.settimeout(0.3)

        def take() -> None:
            connections: list[socket.socket] = []
            while not stop.is_set():
                with suppress(TimeoutError):
                    connections.append(taken.enter_context(server.accept()[0]))
                for connection in connections:
                    with suppress(OSError):
                        connection.send(drip)

        thread = Thread(target=take)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        stop.set()
        thread.join()


def test_every_vendor_can_be_called() -> None:
    """A vendor that nobody can call would be said to be patched on faith."""
    assert {vendor.name for vendor in VENDORS} == callable_vendors()


def test_all_is_well_under_opentelemetry_instrument() -> None:
    """Every installed SDK is seen, a refusal arrives as metric, span and event, and the exit code is 0."""
    with OtlpReceiver() as received:
        code, found = findings("", under=True, OTEL_EXPORTER_OTLP_ENDPOINT=received.url, **HTTP)

    seen = [
        f["subject"].split()[0] for f in found["vendors"] if "a call refused on this machine was seen" in f["found"]
    ]
    assert {"anthropic", "openai", "mistralai", "cohere", "botocore"} <= set(seen)
    assert {"metrics": "ok", "traces": "ok", "logs": "ok"} == statuses(found["trial"])
    assert ["ok"] * 3 == [finding["status"] for finding in found["endpoints"]]
    assert 0 == code
    (refusal,) = received.latest("refusal.client.refusals")
    assert ("otel-refusals-doctor", 1) == (refusal.attributes["refusal.workload"], refusal.value)
    assert ["refusal.detected"] == [record.event_name for record in received.logs]


def test_a_collector_by_grpc() -> None:
    """Plain, it sets OpenTelemetry up as `opentelemetry-instrument` would, whose distro exports by gRPC."""
    with OtlpGrpcReceiver() as received:
        code, found = findings(ONLY, OTEL_EXPORTER_OTLP_ENDPOINT=received.url)

    assert {"metrics": "ok", "traces": "ok", "logs": "ok"} == statuses(found["trial"])
    assert "speaks HTTP/2, as gRPC does" == found["endpoints"][0]["found"]
    assert 1 == received.total("refusal.client.refusals", {"refusal.workload": "otel-refusals-doctor"})
    assert 0 == code


def test_nothing_is_sent_when_asked_not_to() -> None:
    """`--no-send` looks, and exports nothing."""
    with OtlpReceiver() as received:
        code, found = findings(f"{ONLY} --no-send", OTEL_EXPORTER_OTLP_ENDPOINT=received.url, **HTTP)

        assert "trial" not in found
        assert ([], [], []) == (received.metrics, received.spans, received.logs)
    assert 0 == code


def test_an_endpoint_where_nobody_is() -> None:
    """Is found by the greeting and by the trial, each with its reason."""
    code, found = findings(f"{ONLY} --timeout 2", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{dead_port()}", **HTTP)

    assert 1 == code
    assert "Connection refused" in found["endpoints"][0]["found"]
    assert {"metrics": "problem", "traces": "warning", "logs": "warning"} == statuses(found["trial"])
    assert all("failed: " in finding["found"] for finding in found["trial"])


@pytest.mark.parametrize("drip", [b"", b"H"], ids=["silent", "dripping"])
def test_an_endpoint_that_never_answers_holds_nothing_up(drip: bytes) -> None:
    """The time limit holds, whatever the peer does."""
    with hostile(drip) as url:
        code, found = findings(f"{ONLY} --timeout 1", OTEL_EXPORTER_OTLP_ENDPOINT=url, **HTTP)

    assert 1 == code
    assert "no answer within 1 s" == found["endpoints"][0]["found"]
    assert "problem" == statuses(found["trial"])["metrics"]


def test_delta_temporality_may_be_what_the_backend_wants() -> None:
    """It is read in the settings and seen in what was exported; that a Prometheus would drop it is a warning."""
    delta = {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta"}
    with OtlpReceiver() as received:
        code, found = findings(ONLY, OTEL_EXPORTER_OTLP_ENDPOINT=received.url, **HTTP, **delta)

    assert 0 == code
    assert "warning" == statuses(found["export"])["temporality"]
    assert "warning" == statuses(found["trial"])["metrics"]
    assert "delta temporality" in next(f["found"] for f in found["trial"] if f["subject"] == "metrics")


def test_a_vendor_that_is_switched_off() -> None:
    """Its refusals are not seen; nothing of it is tried."""
    code, found = findings(f"{ONLY} --no-send", OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="refusals_openai,refusals_opnai")

    assert 1 == code
    assert "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS" in found["vendors"][0]["found"]
    assert "is refusals_openai meant?" in [finding["remedy"] for finding in found["configuration"]]


def test_a_version_that_is_not_supported(tmp_path: Path) -> None:
    """As the metadata on the path say; the remedy installs one that is."""
    metadata = tmp_path / "openai-0.28.1.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: openai\nVersion: 0.28.1\n")

    code, found = findings(f"{ONLY} --no-send", PYTHONPATH=str(tmp_path))

    assert 1 == code
    assert [("openai 0.28.1", "problem")] == list(statuses(found["vendors"]).items())
    assert "pip install 'openai >= 1.40, < 4'" == found["vendors"][0]["remedy"]


@pytest.mark.parametrize(
    ("source", "said"),
    [("raise RuntimeError('broken')", "RuntimeError: broken"), ("import os; os._exit(7)", "exit code 7")],
    ids=["raises", "ends the process"],
)
def test_an_sdk_that_cannot_be_imported(tmp_path: Path, source: str, said: str) -> None:
    """It breaks a process of its own, and the finding says how."""
    package = tmp_path / "openai"
    package.mkdir()
    (package / "__init__.py").write_text(source)

    code, found = findings(f"{ONLY} --no-send", PYTHONPATH=str(tmp_path))

    assert 1 == code
    assert said in found["vendors"][0]["found"]


def test_an_sdk_whose_import_does_not_end(tmp_path: Path) -> None:
    """Is given up, with the process it runs in."""
    package = tmp_path / "openai"
    package.mkdir()
    (package / "__init__.py").write_text("import time; time.sleep(3600)")
    program = (
        "from otel_refusals.doctor.examination import examine\n"
        "for one in examine(vendors=['openai'], send=False, start=2).findings:\n"
        "    print(one.area, one.status, one.found)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(PYTHONPATH=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert "vendors problem could not be tried: the process did not end within 2 s" in done.stdout


def test_bad_settings_are_named_each() -> None:
    """With the variable, the value and, for a misspelt one, the name that is meant."""
    code, found = findings(
        f"{ONLY} --no-send",
        OTEL_REFUSALS_SPANS="some",
        OTEL_REFUSALS_MAX_LABEL_VALUES="many",
        OTEL_REFUSALS_WORKLAOD="nightly",
    )

    assert 1 == code
    configuration = statuses(found["configuration"])
    assert {"OTEL_REFUSALS_SPANS", "OTEL_REFUSALS_MAX_LABEL_VALUES", "OTEL_REFUSALS_WORKLAOD"} <= set(configuration)
    assert "is OTEL_REFUSALS_WORKLOAD meant?" in [finding["remedy"] for finding in found["configuration"]]
    assert [("openai", "problem")] == [(f["subject"].split()[0], f["status"]) for f in found["vendors"]]


def test_opentelemetry_that_does_not_start() -> None:
    """An exporter that is not installed takes all signals with it; what the SDK says of it is told."""
    code, found = findings(ONLY, OTEL_LOGS_EXPORTER="carrier_pigeon")

    assert 1 == code
    assert any("carrier_pigeon" in f["found"] for f in found["configuration"] if f["subject"] == "start")
    assert "problem" == statuses(found["export"])["logs"]


def test_an_sdk_of_opentelemetry_that_is_disabled() -> None:
    """Nothing is instrumented under `OTEL_SDK_DISABLED=true`."""
    code, found = findings(f"{ONLY} --no-send", OTEL_SDK_DISABLED="true")

    assert 1 == code
    assert "problem" == statuses(found["configuration"])["OTEL_SDK_DISABLED"]


def test_metrics_that_are_scraped() -> None:
    """The trial scrapes its own process on a port of its own, and leaves the application's alone."""
    port = dead_port()
    code, found = findings(
        ONLY,
        OTEL_METRICS_EXPORTER="prometheus",
        OTEL_EXPORTER_PROMETHEUS_HOST="127.0.0.1",
        OTEL_EXPORTER_PROMETHEUS_PORT=str(port),
        OTEL_TRACES_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
    )

    assert {"metrics": "ok"} == statuses(found["trial"])
    assert [(f"metrics on 127.0.0.1:{port}", "ok")] == list(statuses(found["endpoints"]).items())
    assert 0 == code


def test_a_person_reads_a_table() -> None:
    """With the verdict at its end, the remedies, and no credential of an endpoint."""
    done = ask(f"{ONLY} --no-send", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://user:secret@127.0.0.1:{dead_port()}", **HTTP)

    assert 1 == done.returncode
    assert "Refusals will be lost." == done.stdout.splitlines()[-1]
    assert "start the Collector there" in " ".join(done.stdout.split())
    assert "secret" not in done.stdout


@pytest.mark.parametrize("arguments", ["--timeout 0", "--timeout soon", "--vendor nobody", "--wrong"])
def test_bad_usage(arguments: str) -> None:
    """Exit code 2, before anything is looked at."""
    done = ask(arguments)

    assert 2 == done.returncode
    assert "Usage: otel-refusals doctor" in done.stderr


@pytest.mark.needs("otelcol")
def test_a_collector_whose_memory_is_full(tmp_path: Path) -> None:
    """It takes the connection and the empty greeting; the trial says that it turns data away."""
    with collector(STACK / "collector.yaml", tmp_path, {"MEMORY_LIMIT_MIB": "81"}) as full:
        until(lambda: "above soft limit" in full.log.read_text(), "a full memory")
        code, found = findings(f"{ONLY} --timeout 3", OTEL_EXPORTER_OTLP_ENDPOINT=full.url, **HTTP)

    assert 1 == code
    assert {"metrics": "problem", "traces": "warning", "logs": "warning"} == statuses(found["trial"])
    assert all("turns data away" in finding["remedy"] for finding in found["trial"])
