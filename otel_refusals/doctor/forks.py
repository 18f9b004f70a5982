"""Servers that fork their workers, and what that does to telemetry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version

from otel_refusals.doctor.finding import Finding
from otel_refusals.doctor.pipeline import exporters

_FORKING = ("gunicorn", "uwsgi", "celery")


def forks(environ: Mapping[str, str]) -> Iterator[Finding]:
    """A hint for each that is installed: whether it is used cannot be seen from here."""
    for server in _FORKING:
        try:
            name = f"{server} {version(server)}"
        except PackageNotFoundError:
            continue
        if "prometheus" in exporters("metrics", environ):
            found = "forks its workers: only one process can serve metrics on a port, the counts of the others are lost"
            yield Finding("export", name, "warning", found, "export by OTLP, or give each worker a port after the fork")
            continue
        instance = "service.instance.id" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
        which = "with the same service.instance.id" if instance else "which an older SDK gives one service.instance.id"
        found = f"forks its workers, {which}: their counters overwrite each other, and gRPC may hang after a fork"
        remedy = "start OpenTelemetry after the fork (gunicorn: post_fork), and leave service.instance.id to the SDK"
        yield Finding("export", name, "warning", found, remedy)
