"""The demo's application as a process: under `opentelemetry-instrument`, in an environment that leads nowhere else."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from otel_refusals.demo.process import Process, running

ONCE = (sys.executable, "-m", "otel_refusals.demo.app")
OVER_AND_OVER = (*ONCE, "10")
"""With ten seconds between the end of a round, which takes about five, and the next."""

_FOREIGN = ("OTEL_", "ANTHROPIC_", "OPENAI_", "AZURE_OPENAI_", "AWS_", "GOOGLE_", "GEMINI_")


class DemoError(Exception):
    """The demo could not show anything; the message says what happened."""


def otlp_to(url: str, milliseconds: int = 300) -> dict[str, str]:
    """The settings of OpenTelemetry that export all signals to `url` over HTTP, that often.

    OpenTelemetry's own (a minute, five seconds) would let nothing arrive before the end of a short run.
    """
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRIC_EXPORT_INTERVAL": str(milliseconds),
        "OTEL_BSP_SCHEDULE_DELAY": str(milliseconds),
        "OTEL_BLRP_SCHEDULE_DELAY": str(milliseconds),
    }


def prometheus_on(port: int) -> dict[str, str]:
    """The settings of OpenTelemetry that serve `/metrics` on a port of the loopback interface, and nothing else."""
    return {
        "OTEL_METRICS_EXPORTER": "prometheus",
        "OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1",
        "OTEL_EXPORTER_PROMETHEUS_PORT": str(port),
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }


@contextmanager
def application(command: Sequence[str], vendor: str, export: Mapping[str, str], log: Path) -> Iterator[Process]:
    """Run `command` under `opentelemetry-instrument`, with the vendors' SDKs pointed at `vendor`.

    Args:
        command: The application.
        vendor: Base URL of the vendor endpoint.
        export: Settings of OpenTelemetry: where telemetry goes.
        log: Takes what the application prints.

    Raises:
        DemoError: when it cannot be started.
    """
    command = [_instrument(), *command]
    with ExitStack() as stack:
        try:
            process = running("the application", command, log, _environment(os.environ, vendor, export))
            started = stack.enter_context(process)
        except OSError as error:
            raise DemoError(f"{command[0]} could not be started: {error.strerror}.") from error
        yield started


def _instrument() -> str:
    """`opentelemetry-instrument` beside this interpreter: the environment need not be activated."""
    return str(Path(sysconfig.get_path("scripts")) / "opentelemetry-instrument")


def _environment(inherited: Mapping[str, str], vendor: str, export: Mapping[str, str]) -> dict[str, str]:
    """The application's environment: its vendors are on the loopback interface, nothing is a person's own account."""
    kept = {
        name: value
        for name, value in inherited.items()
        if not name.startswith(_FOREIGN) and not name.lower().endswith("_proxy")
    }
    return {
        **kept,
        "ANTHROPIC_BASE_URL": vendor,
        "ANTHROPIC_API_KEY": "demo",
        "OPENAI_BASE_URL": f"{vendor}/v1",
        "OPENAI_API_KEY": "demo",
        "AZURE_OPENAI_ENDPOINT": vendor,
        "AZURE_OPENAI_API_KEY": "demo",
        "GOOGLE_API_KEY": "demo",
        "GOOGLE_GEMINI_BASE_URL": vendor,
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": vendor,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "OTEL_SERVICE_NAME": "otel-refusals-demo",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        **export,
    }
