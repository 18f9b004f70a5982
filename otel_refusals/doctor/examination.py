"""The whole examination: each part in its order, those that take time side by side."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from otel_refusals.doctor.endpoints import endpoints
from otel_refusals.doctor.finding import Finding, Status
from otel_refusals.doctor.forks import forks
from otel_refusals.doctor.installed import hindrance, installed, not_installed, tried
from otel_refusals.doctor.neighbours import neighbours
from otel_refusals.doctor.pipeline import SIGNALS, pipeline
from otel_refusals.doctor.report import Report, run_child
from otel_refusals.doctor.settings import settings
from otel_refusals.doctor.trial import arrived, started
from otel_refusals.vendor import Vendor
from otel_refusals.vendors import VENDORS

_START = 60.0  # a large SDK takes ten on a busy machine
_AT_ONCE = os.cpu_count() or 1
_TIMEOUTS = ("OTEL_EXPORTER_OTLP_TIMEOUT", *(f"OTEL_EXPORTER_OTLP_{signal.upper()}_TIMEOUT" for signal in SIGNALS))


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything that was found.

    Args:
        looked: How it was looked.
        findings: In an order that reads well.
    """

    looked: str
    findings: tuple[Finding, ...]

    @property
    def status(self) -> Status:
        """The worst."""
        there = {finding.status for finding in self.findings}
        return "problem" if "problem" in there else "warning" if "warning" in there else "ok"


def examine(
    *,
    vendors: Collection[str] = (),
    timeout: float = 5,
    send: bool = True,
    start: float = _START,
) -> Examination:
    """Examine this Python and its environment, as they would be under `opentelemetry-instrument`.

    Args:
        vendors: Names of the SDKs to look at; all by default.
        timeout: Seconds that an endpoint has to answer.
        send: Whether one synthetic refusal is sent through the configured exporters.
        start: Seconds that a process has to import an SDK and make its call.
    """
    environ = dict(os.environ)
    asked = [vendor for vendor in VENDORS if not vendors or vendor.name in vendors]
    there = [vendor for vendor in asked if installed(vendor)]
    hindered = {vendor.name: finding for vendor in there if (finding := hindrance(vendor, environ))}
    free = [] if _silenced(environ) else [vendor for vendor in there if vendor.name not in hindered]
    reports = _try_each(free, environ, start)
    seen = [vendor.name for vendor in free if reports[vendor.name].one("call").get("seen")]
    trial = _trial(seen[0] if seen and send else None, environ, start, timeout)
    effective = {**environ, **trial.one("environment").get("values", {})}
    effective.update({name: environ[name] for name in _ports(environ) if name in environ})

    found = [*not_installed(asked), *hindered.values()]
    for vendor in free:
        found += tried(vendor, reports[vendor.name])
    found += settings(environ)
    found += started(trial)
    found += neighbours(frozenset(trial.one("active").get("names", ())))
    found += _sdk()
    found += pipeline(effective)
    found += forks(effective)
    found += endpoints(effective, timeout)
    if send and seen:
        found += arrived(seen[0], trial, effective)
    order = ("vendors", "configuration", "spans", "export", "endpoints", "trial")
    return Examination(_looked(), tuple(sorted(found, key=lambda finding: order.index(finding.area))))


def _silenced(environ: Mapping[str, str]) -> bool:
    return environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def _try_each(vendors: list[Vendor], environ: Mapping[str, str], limit: float) -> dict[str, Report]:
    """A call by each vendor that leaves the machine by no exporter."""
    quiet = {**environ, **dict.fromkeys((f"OTEL_{signal.upper()}_EXPORTER" for signal in SIGNALS), "none")}
    quiet.pop("OTEL_CONFIG_FILE", None)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        reports = pool.map(lambda vendor: run_child(["--vendor", vendor.name], quiet, limit), vendors)
        return {vendor.name: report for vendor, report in zip(vendors, reports, strict=True)}


def _trial(vendor: str | None, environ: Mapping[str, str], limit: float, timeout: float) -> Report:
    """The start as it is, and one refusal of `vendor` through it."""
    if vendor is None:
        return run_child([], environ, limit)
    # An exporter gives up before the process is ended, and says why.
    limits = {name: str(min(timeout, _seconds(environ.get(name)))) for name in _TIMEOUTS}
    ports = {name: str(_free_port()) for name in _ports(environ)}
    arguments = ["--vendor", vendor, "--flush", str(timeout + 1)]
    return run_child(arguments, {**environ, **limits, **ports}, limit + 2 * timeout)


def _seconds(value: str | None) -> float:
    try:
        return float(value or "inf")
    except ValueError:
        return float("inf")


def _ports(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Variables of ports to serve on: the application may be there, so a trial takes others."""
    return ("OTEL_EXPORTER_PROMETHEUS_PORT",) if "prometheus" in environ.get("OTEL_METRICS_EXPORTER", "") else ()


def _free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _sdk() -> list[Finding]:
    try:
        return [Finding("export", "opentelemetry-sdk", "ok", f"{version('opentelemetry-sdk')} is installed")]
    except PackageNotFoundError:
        found = "is not installed: refusals are seen, and reported to nobody"
        return [Finding("export", "opentelemetry-sdk", "problem", found, "pip install 'otel-refusals[otlp]'")]


def _looked() -> str:
    under = "opentelemetry.instrumentation.auto_instrumentation" in sys.modules
    how = "under opentelemetry-instrument" if under else "as opentelemetry-instrument would set it up"
    return (
        f"This Python and environment, {how}, tried in processes of their own. "
        "What an application's own code sets up is not seen."
    )
