"""Which vendor SDKs are installed, whether their versions are supported, and how a call by each of them is seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, entry_points, version
from typing import Any

from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version

from otel_refusals.doctor.finding import Finding
from otel_refusals.doctor.report import Report
from otel_refusals.doctor.settings import is_disabled
from otel_refusals.vendor import Vendor


def installed(vendor: Vendor) -> str:
    """The installed version of a vendor's SDK; empty for none."""
    try:
        return version(Requirement(vendor.requires).name)
    except PackageNotFoundError:
        return ""


def hindrance(vendor: Vendor, environ: Mapping[str, str]) -> Finding | None:
    """What keeps an installed vendor from being instrumented, known without a try; None for nothing."""
    there = installed(vendor)
    name = f"{vendor.name} {there}"
    if not Requirement(vendor.requires).specifier.contains(there, prereleases=True):
        return Finding(
            "vendors",
            name,
            "problem",
            f"is not supported, {vendor.requires} is: its refusals are not seen",
            f"pip install '{vendor.requires}'",
        )
    if is_disabled(vendor.name, environ):
        found = "is switched off by OTEL_PYTHON_DISABLED_INSTRUMENTATIONS: its refusals are not seen"
        return Finding("vendors", name, "problem", found, f"take refusals_{vendor.name} (or *) out of that variable")
    if not entry_points(group="opentelemetry_instrumentor", name=f"refusals_{vendor.name}"):
        found = "has no entry point in this installation of otel-refusals: opentelemetry-instrument does not know it"
        return Finding("vendors", name, "problem", found, "install otel-refusals again, with pip")
    return None


def not_installed(vendors: Sequence[Vendor]) -> Iterator[Finding]:
    """Those of `vendors` that there is nothing to say about."""
    absent = [vendor.name for vendor in vendors if not installed(vendor)]
    if len(absent) == len(vendors):
        remedy = "run the doctor with the Python of the application"
        yield Finding("vendors", "none", "warning", "no SDK that can be seen is installed here", remedy)
    elif absent:
        yield Finding("vendors", ", ".join(absent), "ok", "not installed")


def tried(vendor: Vendor, report: Report) -> Iterator[Finding]:
    """What came of the try with one vendor."""
    name = f"{vendor.name} {installed(vendor)}"
    patched, call = report.one("patched"), report.one("call")
    if report.failure:
        remedy = f"try: python -c 'import {vendor.chokepoints[0].module}'"
        yield Finding("vendors", name, "problem", f"could not be tried: {report.failure}", remedy)
        return
    yield _patched(vendor, name, patched) or _called(name, call, len(patched["points"]))
    if call.get("seen"):
        yield from _spans(name, call["spans"])


def _patched(vendor: Vendor, name: str, patched: Mapping[str, Any]) -> Finding | None:
    points = patched["points"]
    if patched["failed"]:
        module, why = next(iter(patched["failed"].items()))
        return Finding("vendors", name, "problem", f"import {module} fails: {why}", "mend the installation of the SDK")
    if not patched["active"]:
        found = "is not instrumented: see what OpenTelemetry says of its start, below"
        return Finding("vendors", name, "problem", found, "mend that")
    if patched["skipped"] or not points:
        why = patched["skipped"] or "none of its chokepoints is there"
        return Finding("vendors", name, "problem", f"is not instrumented: {why}", f"pip install '{vendor.requires}'")
    gone = _gone(vendor, points)
    if gone:
        found = f"{len(points)} chokepoints are patched, but this version has no {', '.join(gone)}"
        return Finding("vendors", name, "warning", found, "see whether there is a newer otel-refusals")
    return None


def _gone(vendor: Vendor, points: list[str]) -> list[str]:
    """Chokepoints that came with an older version than the installed one, in a module of which others are there."""
    try:
        there = Version(installed(vendor))
    except InvalidVersion:
        return []
    modules = {
        point.module for point in vendor.chokepoints if any(name.startswith(f"{point.module}.") for name in points)
    }
    return [
        f"{point.module}.{point.name}"
        for point in vendor.chokepoints
        if point.since
        and point.module in modules
        and Version(point.since) <= there
        and f"{point.module}.{point.name}" not in points
    ]


def _called(name: str, call: Mapping[str, Any], points: int) -> Finding:
    patched = f"supported, and patched in {points} {'place' if points == 1 else 'places'}"
    if not call:
        return Finding("vendors", name, "ok", patched)
    if call["seen"]:
        return Finding("vendors", name, "ok", f"{patched}; a call refused on this machine was seen")
    if call["error"]:
        found = f"{patched}; a call could not be tried: {call['error']}"
        return Finding("vendors", name, "warning", found, "report it with this output")
    remedy = "see what else wraps the SDK; report it with this output"
    return Finding("vendors", name, "problem", "a refused call was made, and not seen", remedy)


def _spans(name: str, spans: list[Mapping[str, Any]]) -> Iterator[Finding]:
    ours = sorted({span["scope"] for span in spans if span["refused"]})
    others = sorted({span["scope"] for span in spans if span["genai"] and not span["refused"]})
    if not ours:
        found = "a refusal is on no span: there is no SDK, the sampler drops it, or OTEL_REFUSALS_SPANS=off"
        yield Finding("spans", name, "warning", found, "look at the sampler and at OTEL_REFUSALS_SPANS")
    elif others:
        found = (
            f"a refused call has two spans: one of {', '.join(others)}, and one of {', '.join(ours)} with the refusal"
        )
        second = "OTEL_REFUSALS_SPANS=off leaves the second out; metrics stay"
        remedy = second if ours == ["otel_refusals"] else "switch one of them off"
        yield Finding("spans", name, "warning", found, remedy)
    elif ours == ["otel_refusals"]:
        yield Finding("spans", name, "ok", "a refused call gets a span of otel-refusals, since nobody else makes one")
    else:
        yield Finding("spans", name, "ok", f"a refusal is written on the span of {', '.join(ours)}")
