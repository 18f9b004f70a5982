"""Switches the instrumentation on and off: the wiring of configuration, telemetry, seams and patches."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from threading import RLock
from typing import Any

from opentelemetry._logs import LoggerProvider
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from otel_refusals import failure
from otel_refusals.aws import Aws
from otel_refusals.config import configure
from otel_refusals.leftovers import report_at_exit
from otel_refusals.methods import Methods
from otel_refusals.patch import Patches, Wrapper
from otel_refusals.relay import Relay
from otel_refusals.sockets import Sockets
from otel_refusals.speakeasy import Speakeasy
from otel_refusals.stainless import Stainless
from otel_refusals.tally import flush
from otel_refusals.telemetry import Telemetry
from otel_refusals.vendor import Chokepoint, Vendor
from otel_refusals.vendors import VENDORS

_lock = RLock()
_active: dict[str, Patches] = {}
_reporting: list[tuple[tuple[Any, ...], Telemetry]] = []
"""The telemetry of the active vendors, by its settings: vendors that are instrumented one by one, as the entry points
do it, report to one, so that labels are bounded once."""


def instrument(
    *,
    vendors: Iterable[str] | None = None,
    spans: str | None = None,
    workload: str | None = None,
    stop_reasons: Mapping[str, str] | str | None = None,
    capture_explanation: bool | None = None,
    max_label_values: Mapping[str, int] | int | None = None,
    providers: Mapping[str, str] | str | None = None,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    logger_provider: LoggerProvider | None = None,
) -> None:
    """See how every call through the vendor SDKs ends, and report it to OpenTelemetry.

    Call it once, early or late: clients that exist already are seen too. A vendor that is instrumented stays as it is;
    `uninstrument()` first to change its settings. Does nothing under `OTEL_SDK_DISABLED=true`.

    Args:
        vendors: Names of the SDKs to instrument, for example `["anthropic"]`; every installed one by default.
        spans: Own spans where no GenAI span is current: `auto` for refused, rescued and unknown operations, `all`,
            `off`.
        workload: The workload of operations outside any `workload(...)`.
        stop_reasons: Meanings of stop reasons that the readers do not know, for example
            `{"anthropic:new_value": "paused"}`.
        capture_explanation: Whether the vendor's explanation goes on spans and events. It is content.
        max_label_values: How many distinct models, workloads and unknown stop reasons are told apart on metrics: one
            number for all, or a mapping with `models`, `workloads`, `signals`.
        providers: Who serves the models at an address, for gateways and servers that speak a vendor's wire, for
            example `{"llm.example:8000": "vllm"}`: hosts, with or without a port, or their parent domains.
        tracer_provider: Makes the own spans, instead of the global provider.
        meter_provider: Takes the metrics, instead of the global provider.
        logger_provider: Takes the events, instead of the global provider.

    Raises:
        ConfigurationError: for a value that cannot be used; it names the value and where it comes from.
    """
    config = configure(
        vendors=vendors,
        spans=spans,
        workload=workload,
        stop_reasons=stop_reasons,
        capture_explanation=capture_explanation,
        max_label_values=max_label_values,
        providers=providers,
    )
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return
    with _lock:
        new = [vendor for vendor in VENDORS if vendor.name in config.vendors and vendor.name not in _active]
        if not new:
            return
        telemetry = _telemetry(replace(config, vendors=frozenset()), tracer_provider, meter_provider, logger_provider)
        report_at_exit()
        for vendor in new:
            _active[vendor.name] = _patches(vendor, telemetry)
            _active[vendor.name].apply()


def uninstrument(vendors: Iterable[str] | None = None) -> None:
    """Restore the SDKs as they were, also under or over the wrappers of others.

    Operations that are under way are still reported.

    Args:
        vendors: Names of the SDKs to restore; all by default.
    """
    with _lock:
        for name in list(_active) if vendors is None else [name for name in vendors if name in _active]:
            _active.pop(name).remove()
        if not _active:
            _reporting.clear()
            flush()


@contextmanager
def suspended() -> Iterator[None]:
    """For the time of this context nothing is instrumented; then what was is so again, with its settings."""
    with _lock:
        active, reporting = dict(_active), list(_reporting)
        uninstrument()
    try:
        yield
    finally:
        with _lock:
            uninstrument()
            _reporting.extend(reporting)
            for _, telemetry in reporting[-1:]:
                failure.count_with(telemetry.count_failure)
            for name, patches in active.items():
                _active[name] = Patches(patches.vendor, patches.wrapper_for)
                _active[name].apply()


def patches_in_use(vendor: str) -> Patches | None:
    """What was done to the SDK of an active vendor; None for one that is not instrumented."""
    with _lock:
        return _active.get(vendor)


def telemetry_in_use() -> Telemetry:
    """The telemetry that the active vendors report to; without one, what the environment and the global providers say.

    Raises:
        ConfigurationError: for a value of the environment that cannot be used.
    """
    with _lock:
        if _reporting:
            return _reporting[-1][1]
        return _telemetry(replace(configure(), vendors=frozenset()), None, None, None)


def _telemetry(*settings: Any) -> Telemetry:
    for known, telemetry in _reporting:
        if known == settings:
            return telemetry
    telemetry = Telemetry(*settings)
    _reporting.append((settings, telemetry))
    failure.count_with(telemetry.count_failure)
    return telemetry


def _patches(vendor: Vendor, telemetry: Telemetry) -> Patches:
    stainless, aws = Stainless(vendor, telemetry), Aws(vendor, telemetry)

    def wrapper_for(point: Chokepoint) -> Wrapper:
        methods, sockets = Methods(vendor, telemetry, point), Sockets(vendor, telemetry, point)
        families = (stainless, aws, methods, sockets, Speakeasy(), Relay(vendor, telemetry, point))
        wrapper: Wrapper = getattr(next(family for family in families if hasattr(family, point.seam)), point.seam)
        return wrapper

    return Patches(vendor, wrapper_for)
