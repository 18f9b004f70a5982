"""Starts the endpoint, the receiver and the application, waits for the end, and hands over what arrived."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from otel_refusals import names
from otel_refusals.demo.endpoint import VendorEndpoint
from otel_refusals.testing.otlp import OtlpReceiver, Received

APPLICATION = (sys.executable, "-m", "otel_refusals.demo.app")
PATIENCE = 60.0
"""Seconds after which the application is taken to hang. It needs about five."""

_LOOK_EVERY = 0.1


class DemoError(Exception):
    """The demo could not show anything; the message says what happened."""


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


def run(watch: Callable[[Progress], None], application: tuple[str, ...] = APPLICATION) -> Run:
    """Run `application` under `opentelemetry-instrument` and collect what it exports.

    Args:
        watch: Told about ten times a second how far it is.
        application: The command to run.

    Raises:
        DemoError: when the application cannot be started, fails or hangs, or when nothing arrives.
    """
    started = time.monotonic()
    with VendorEndpoint() as endpoint, OtlpReceiver() as received, _transcript() as said:
        environment = _environment(os.environ, endpoint.url, received.url)
        command = [_instrument(), *application]
        try:
            process = subprocess.Popen(command, env=environment, stdout=said, stderr=subprocess.STDOUT)
        except OSError as error:
            raise DemoError(f"{command[0]} could not be started: {error.strerror}.") from error
        try:
            _wait(process, lambda: watch(_progress(endpoint, received)))
        finally:
            process.kill()
            process.wait()
        watch(_progress(endpoint, received))
        said.seek(0)
        output = said.read()
        _complain(process.returncode, received, output)
        return Run(received, endpoint.statuses, _reports(output), time.monotonic() - started)


def _transcript() -> IO[str]:
    """A file for what the application says: a pipe would have to be read while it runs."""
    return tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")


def _instrument() -> str:
    """`opentelemetry-instrument` beside this interpreter: the environment need not be activated."""
    return str(Path(sysconfig.get_path("scripts")) / "opentelemetry-instrument")


def _environment(inherited: Mapping[str, str], vendor: str, receiver: str) -> dict[str, str]:
    """The application's environment: all of it points to the loopback interface, nothing to a person's own accounts."""
    foreign = ("OTEL_", "ANTHROPIC_", "OPENAI_", "AZURE_OPENAI_")
    kept = {
        name: value
        for name, value in inherited.items()
        if not name.startswith(foreign) and not name.lower().endswith("_proxy")
    }
    return {
        **kept,
        "ANTHROPIC_BASE_URL": vendor,
        "ANTHROPIC_API_KEY": "demo",
        "OPENAI_BASE_URL": f"{vendor}/v1",
        "OPENAI_API_KEY": "demo",
        "AZURE_OPENAI_ENDPOINT": vendor,
        "AZURE_OPENAI_API_KEY": "demo",
        "OTEL_SERVICE_NAME": "otel-refusals-demo",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        # The defaults (a minute, five seconds) would let nothing arrive before the end.
        "OTEL_METRIC_EXPORT_INTERVAL": "300",
        "OTEL_BSP_SCHEDULE_DELAY": "300",
        "OTEL_BLRP_SCHEDULE_DELAY": "300",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
    }


def _wait(process: subprocess.Popen[bytes], look: Callable[[], None]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if _has_ended(process):
            return
        look()
    raise DemoError(f"The application did not end within {PATIENCE:.0f} seconds and was stopped.")


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_LOOK_EVERY)
    except subprocess.TimeoutExpired:
        return False
    return True


def _progress(endpoint: VendorEndpoint, received: Received) -> Progress:
    return Progress(endpoint.statuses.total(), int(received.total(names.REFUSALS.name, {names.OUTCOME: "refused"})))


def _complain(status: int, received: Received, output: str) -> None:
    """Raise what went wrong, with the application's last words."""
    last_words = "\n".join(output.strip().splitlines()[-12:])
    if status != 0:
        raise DemoError(f"The application ended with status {status}. Its last words:\n{last_words}")
    if not received.latest(names.OPERATIONS.name):
        raise DemoError(
            f"The application ran, but no {names.OPERATIONS.name} arrived over OTLP, only {len(received.spans)} spans"
            f" and {len(received.logs)} log records. Is otel-refusals installed for {sys.executable}?"
            f" The application's last words:\n{last_words or '(none)'}"
        )


def _reports(output: str) -> dict[str, str]:
    """The lines `name: statement` of the application's output."""
    reports = (line.partition(": ") for line in output.splitlines())
    return {name: statement for name, colon, statement in reports if colon and " " not in name}
