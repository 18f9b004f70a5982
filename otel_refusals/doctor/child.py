"""`python -m otel_refusals.doctor.child [--vendor NAME] [--flush SECONDS]`: an application, as the doctor tries one.

It is set up by what `opentelemetry-instrument` runs, imports one vendor, makes a call that is refused, and tells what
happened. It ends without the ends that the SDK would wait for.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from importlib import import_module
from importlib.metadata import entry_points

from opentelemetry.instrumentation.auto_instrumentation import initialize

from otel_refusals import names, on_refusal, workload
from otel_refusals.doctor.calls import callable_vendors, refused_call
from otel_refusals.doctor.exports import flush, listen_to_exporters, watch_spans
from otel_refusals.doctor.report import Telling
from otel_refusals.instrumentation import patches_in_use
from otel_refusals.outcome import Refused, Rescued
from otel_refusals.spans import is_call_span
from otel_refusals.vendors import VENDORS

WORKLOAD = "otel-refusals-doctor"


class _Log(logging.Handler):
    """Tells what OpenTelemetry has to complain about while it starts."""

    def __init__(self, telling: Telling) -> None:
        super().__init__(logging.WARNING)
        self._telling = telling

    def emit(self, record: logging.LogRecord) -> None:
        why = f": {record.exc_info[1]}" if record.exc_info and record.exc_info[1] else ""
        self._telling.tell("log", level=record.levelname, text=f"{record.getMessage()}{why}")


def main() -> None:
    """Tell what happens."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--vendor")
    parser.add_argument("--flush", type=float)
    asked = parser.parse_args()
    telling = Telling()
    try:
        _start(telling, exports=asked.flush is not None)
        if asked.vendor:
            _import(telling, asked.vendor)
            if asked.vendor in callable_vendors():
                _call(telling, asked.vendor)
        if asked.flush:
            flush(telling.tell, asked.flush)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _start(telling: Telling, *, exports: bool) -> None:
    if exports:
        listen_to_exporters(telling.tell)
    handler = _Log(telling)
    logger = logging.getLogger("opentelemetry")
    logger.addHandler(handler)
    initialize()
    logger.removeHandler(handler)
    telling.tell("environment", values={name: value for name, value in os.environ.items() if name.startswith("OTEL_")})
    telling.tell("active", names=sorted(_active()))


def _active() -> list[str]:
    """The entry points of instrumentations that have been switched on."""
    found = []
    for point in entry_points(group="opentelemetry_instrumentor"):
        instrumentor = getattr(sys.modules.get(point.module), point.attr, None)
        # The singletons keep it on the instance; asking for the instance makes none that was not there.
        instance = getattr(instrumentor, "_instance", None)
        if getattr(instance, "is_instrumented_by_opentelemetry", False):
            found.append(point.name)
    return found


def _import(telling: Telling, name: str) -> None:
    vendor = next(vendor for vendor in VENDORS if vendor.name == name)
    modules = {}
    for module in dict.fromkeys(point.module for point in vendor.chokepoints):
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            # A layout that this version does not have, unless it is something that the layout needs.
            if not f"{module}.".startswith(f"{error.name}."):
                modules[module] = f"{type(error).__name__}: {error}"
        except Exception as error:
            modules[module] = f"{type(error).__name__}: {error}"
    patches = patches_in_use(name)
    applied = patches.applied if patches else ()
    telling.tell(
        "patched",
        active=patches is not None,
        skipped=patches.skipped if patches else "",
        points=[f"{point.module}.{point.name}" for point in applied],
        failed=modules,
    )


def _call(telling: Telling, name: str) -> None:
    seen: list[Refused | Rescued] = []
    spans = watch_spans()
    remove = on_refusal(seen.append)
    error = ""
    try:
        with workload(WORKLOAD):
            refused_call(name)
    except Exception as raised:
        error = f"{type(raised).__name__}: {raised}"
    remove()
    telling.tell(
        "call",
        seen=bool(seen),
        error=error,
        spans=[
            {
                "scope": span.instrumentation_scope.name,
                "refused": names.OUTCOME in (span.attributes or {}),
                "genai": is_call_span(span.attributes or {}),
            }
            for span in spans
        ],
    )


if __name__ == "__main__":
    main()
