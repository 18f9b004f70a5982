"""Starts the endpoint, the receiver and the application, waits for the end, and hands over what arrived."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from otel_refusals import names
from otel_refusals.demo.application import ONCE, DemoError, application, otlp_to
from otel_refusals.demo.endpoint import VendorEndpoint
from otel_refusals.demo.process import Process
from otel_refusals.testing.otlp import OtlpReceiver, Received

PATIENCE = 60.0
"""Seconds after which the application is taken to hang. It needs about five."""

_LOOK_EVERY = 0.1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the run is.

    Args:
        answered: Calls that the endpoint has answered.
        declined: Refusals that have arrived over OTLP.
    """

    answered: int
    declined: int


@dataclass(frozen=True, slots=True)
class Run:
    """What one run left behind.

    Args:
        received: Everything that arrived over OTLP.
        statuses: How many answers of which HTTP status the endpoint sent.
        reports: What each job of the application believes it has done.
        seconds: How long it took.
    """

    received: Received
    statuses: Counter[int]
    reports: dict[str, str]
    seconds: float


def run(watch: Callable[[Progress], None], command: tuple[str, ...] = ONCE) -> Run:
    """Run `command` under `opentelemetry-instrument` and collect what it exports.

    Args:
        watch: Told about ten times a second how far it is.
        command: The application.

    Raises:
        DemoError: when the application cannot be started, fails or hangs, or when nothing arrives.
    """
    started = time.monotonic()
    with VendorEndpoint() as endpoint, OtlpReceiver() as received, tempfile.TemporaryDirectory() as home:
        log = Path(home) / "application.log"
        with application(command, endpoint.url, otlp_to(received.url), log) as process:
            _wait(process, lambda: watch(_progress(endpoint, received)))
        watch(_progress(endpoint, received))
        _complain(process, received)
        return Run(received, endpoint.statuses, _reports(process.said), time.monotonic() - started)


def _wait(process: Process, look: Callable[[], None]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if _has_ended(process):
            return
        look()
    raise DemoError(f"The application did not end within {PATIENCE:.0f} seconds and was stopped.")


def _has_ended(process: Process) -> bool:
    try:
        process.popen.wait(_LOOK_EVERY)
    except subprocess.TimeoutExpired:
        return False
    return True


def _progress(endpoint: VendorEndpoint, received: Received) -> Progress:
    return Progress(endpoint.statuses.total(), int(received.total(names.REFUSALS.name, {names.OUTCOME: "refused"})))


def _complain(process: Process, received: Received) -> None:
    """Raise what went wrong, with the application's last words."""
    status, last = process.popen.returncode, process.last_words
    if status != 0:
        raise DemoError(f"The application ended with status {status}. Its last words:\n{last}")
    if not received.latest(names.OPERATIONS.name):
        raise DemoError(
            f"The application ran, but no {names.OPERATIONS.name} arrived over OTLP, only {len(received.spans)} spans"
            f" and {len(received.logs)} log records. Is otel-refusals installed for {sys.executable}?"
            f" The application's last words:\n{last or '(none)'}"
        )


def _reports(output: str) -> dict[str, str]:
    """The lines `name: statement` of the application's output."""
    reports = (line.partition(": ") for line in output.splitlines())
    return {name: statement for name, colon, statement in reports if colon and " " not in name}
