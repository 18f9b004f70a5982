"""A plugin for pytest, in the environment of a vendor's suite: instruments the SDK, and writes how each test ended.

The law of this module: it is loaded before anything imports the SDK, and the plain run loads it too, so that the two
differ in the instrumentation alone. Nothing that a suite does leaves this machine.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import IO, Any

MODE = "VENDOR_SUITES_MODE"
"""The environment variable that says how to instrument: `plain`, not at all; `api`, as it is by default, with whatever
providers the tests themselves set; `sdk`, with providers of OpenTelemetry's SDK, and a span for every operation."""

OUTCOMES = "VENDOR_SUITES_OUTCOMES"
"""The environment variable with the path of the file to write to: a line of JSON for each test."""


def pytest_configure(config: Any) -> None:
    """Keep to this machine, and instrument as the environment says."""
    sys.addaudithook(_stay_here)
    if not hasattr(config, "workerinput"):  # a worker of pytest-xdist tells its controller, which writes
        config.pluginmanager.register(Outcomes(Path(os.environ[OUTCOMES])))
    mode = os.environ[MODE]
    if mode == "plain":
        return
    import otel_refusals

    otel_refusals.instrument(**(_providers() if mode == "sdk" else {}))


class Outcomes:
    """Writes a line when a part of a test has ended: its set-up, itself, what tidies up after it."""

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = path.open("w")

    def pytest_runtest_logreport(self, report: Any) -> None:
        crash = getattr(report.longrepr, "reprcrash", None)  # a file that cannot be imported has none
        message = crash.message.partition("\n")[0] if crash else str(report.longrepr).strip().rpartition("\n")[2]
        line = {"test": report.nodeid, "outcome": report.outcome, "message": message[:200] if report.failed else ""}
        self._file.write(json.dumps(line) + "\n")

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.pytest_runtest_logreport(report)

    def pytest_unconfigure(self) -> None:
        self._file.close()


def _providers() -> dict[str, Any]:
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    tracer_provider = TracerProvider()
    tracer_provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    return {
        "tracer_provider": tracer_provider,
        "meter_provider": MeterProvider([InMemoryMetricReader()]),
        "logger_provider": LoggerProvider(),
    }


def _stay_here(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and not is_local(address[0]):  # else the path of a Unix socket
            raise OSError(errno.ENETUNREACH, f"{address[0]} is not on this machine")
    elif event == "socket.getaddrinfo" and not is_local(arguments[0]):
        raise socket.gaierror(socket.EAI_NONAME, f"{arguments[0]} is not on this machine")


def is_local(host: str | bytes | None) -> bool:
    """Whether `host`, as a socket is given it, is this machine; None stands for any address of it."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host in {"", "localhost"}:
        return True
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
