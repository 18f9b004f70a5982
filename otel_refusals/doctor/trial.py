"""What came of sending one synthetic refusal the whole way, and of starting OpenTelemetry at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from otel_refusals.doctor.finding import Finding, Status
from otel_refusals.doctor.pipeline import SIGNALS, delta_to, exporters
from otel_refusals.doctor.report import Report

_LOST: Mapping[str, Status] = {"metrics": "problem", "traces": "warning", "logs": "warning"}

_REMEDIES = (
    (("connection refused", "failed to connect", "resolve"), "see endpoints"),
    (
        ("unavailable", "memory usage", "code: 429", "resource_exhausted"),
        "it is there and turns data away: is the Collector's memory full, or its rate limited? Its log says",
    ),
    (
        ("timed out", "deadline_exceeded"),
        "it takes the data and does not answer in time: is the Collector stuck? --timeout gives it longer",
    ),
    (
        ("code: 401", "code: 403", "unauthenticated", "permission_denied"),
        "look at OTEL_EXPORTER_OTLP_HEADERS: no credentials, or wrong ones",
    ),
)
"""What to do, by words of what an exporter logs; the first that fits."""


def started(report: Report) -> Iterator[Finding]:
    """What OpenTelemetry complained about as it started."""
    for level, text in dict.fromkeys((line["level"], line["text"]) for line in report.all("log")):
        status: Status = "warning" if level == "WARNING" else "problem"
        yield Finding("configuration", "start", status, text, "mend what it names")
    if not report.one("environment"):
        found = f"OpenTelemetry does not start: {report.failure or 'it says nothing'}"
        yield Finding("configuration", "start", "problem", found, "try: opentelemetry-instrument python -c pass")


def arrived(vendor: str, report: Report, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Where the refusal of a call by `vendor` arrived, signal by signal."""
    if not report.one("call").get("seen"):
        why = report.one("call").get("error") or report.failure or "it was not seen"
        yield Finding("trial", vendor, "problem", f"no synthetic refusal could be sent: {why}", "see vendors, above")
        return
    for signal in SIGNALS:
        exports = [line for line in report.all("export") if line["signal"] == signal]
        # A signal may be exported several times; what counts is the last with the refusal in it, by each exporter.
        last = {line["exporter"]: line for line in exports if line["ours"] or not line["ok"]}
        if last:
            yield from (_export(signal, line, environ) for line in last.values())
        elif exports:
            yield Finding("trial", signal, _LOST[signal], "was exported without the refusal", "see sampler and spans")
        elif environ.get("OTEL_CONFIG_FILE") or exporters(signal, environ):
            yield _silent(signal, report)


def _export(signal: str, line: Mapping[str, Any], environ: Mapping[str, str]) -> Finding:
    exporter = line["exporter"]
    if not line["ok"]:
        found = f"{exporter}: failed: {line['reason']}"
        return Finding("trial", signal, _LOST[signal], found, _remedy(line["reason"]))
    if line.get("delta"):
        status, case = delta_to(environ)
        remedy = "export cumulative metrics, or have the Collector's processor delta_to_cumulative add them up"
        return Finding("trial", signal, status, f"{exporter}: arrived, with delta temporality: {case}", remedy)
    if line.get("waited"):
        found = f"{exporter}: arrived, and the call waited for it: with a dead backend every refusal waits in vain"
        remedy = "use the batching processor (`batch` in a configuration file, Batch...Processor in code)"
        return Finding("trial", signal, "warning", found, remedy)
    return Finding("trial", signal, "ok", f"{exporter}: the refusal arrived")


def _remedy(reason: str) -> str:
    """What to do about what an exporter logs."""
    fits = (remedy for words, remedy in _REMEDIES if any(word in reason.lower() for word in words))
    return next(fits, "see endpoints")


def _silent(signal: str, report: Report) -> Finding:
    if report.failure:
        found = f"nothing had arrived when the time was over: {report.failure}"
    else:
        found = "no exporter was given the refusal, or none has answered in time"
    return Finding("trial", signal, _LOST[signal], found, "see export and endpoints; --timeout gives it longer")
