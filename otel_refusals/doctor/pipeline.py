"""What the environment says about how telemetry leaves the process: exporters, temporality, interval, sampling.

Read as the OpenTelemetry SDK reads it; the variables are those that it has in the end, a distro's defaults included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points

from otel_refusals.doctor.finding import Finding, Status

SIGNALS = ("metrics", "traces", "logs")

_PROTOCOLS = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
_PACKAGES = {
    "otlp_proto_grpc": "opentelemetry-exporter-otlp-proto-grpc",
    "otlp_proto_http": "opentelemetry-exporter-otlp-proto-http",
    "prometheus": "opentelemetry-exporter-prometheus",
}
_LOST: Mapping[str, tuple[Status, str]] = {
    "metrics": ("problem", "no dashboard and no alert sees a refusal"),
    "traces": ("warning", "a refusal has no span, and panels have no exemplars"),
    "logs": ("warning", "the events of refusals are kept nowhere; metrics and spans tell the same"),
}

_DEFAULT_INTERVAL = 60_000
_STALE = 300_000
"""Milliseconds after which Prometheus takes a series for gone."""
_SHORTEST_WINDOW = 900_000
"""Milliseconds: the alert on an unknown stop reason looks that far back."""


def exporter_of(signal: str, name: str, environ: Mapping[str, str]) -> str:
    """The entry point of an exporter that is asked for; empty for a protocol of OTLP that there is none for."""
    if name != "otlp":
        return name
    of_signal = environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL")
    protocol = (of_signal or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "grpc").strip()
    return _PROTOCOLS.get(protocol, "")


def exporters(signal: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """What the environment names as the exporters of `signal`."""
    named = environ.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip()
    return () if not named or named.lower() == "none" else tuple(part.strip() for part in named.split(","))


def pipeline(environ: Mapping[str, str]) -> Iterator[Finding]:
    """What is known before anything is sent."""
    if environ.get("OTEL_CONFIG_FILE"):
        found = f"{environ['OTEL_CONFIG_FILE']} says how telemetry is exported; the variables are not read"
        yield Finding("export", "OTEL_CONFIG_FILE", "ok", f"{found}, and neither is the file here: see the trial")
        return
    for signal in SIGNALS:
        yield _exported(signal, environ)
    if any(name.startswith("otlp") for name in exporters("metrics", environ)):
        yield _temporality(environ)
        yield _interval(environ)
    yield _sampler(environ)
    yield _exemplars(environ)


def _exported(signal: str, environ: Mapping[str, str]) -> Finding:
    variable, (status, lost) = f"OTEL_{signal.upper()}_EXPORTER", _LOST[signal]
    named = exporters(signal, environ)
    if not named:
        how = f"is {environ[variable]}" if environ.get(variable) else "is not set, and no distro sets it"
        remedy = f"set {variable}=otlp, or pip install 'otel-refusals[otlp]', whose distro does"
        return Finding("export", signal, status, f"{variable} {how}: {lost}", remedy)
    for name in named:
        wanted = exporter_of(signal, name, environ)
        if not wanted:
            found = "the protocol of OTLP that is set is none of grpc, http/protobuf: OpenTelemetry does not start"
            return Finding("export", signal, "problem", found, "set OTEL_EXPORTER_OTLP_PROTOCOL to one of them")
        if not entry_points(group=f"opentelemetry_{signal}_exporter", name=wanted):
            package = _PACKAGES.get(wanted, "the package that has it")
            found = f"the exporter {wanted} is not installed: OpenTelemetry does not start, and no signal is exported"
            return Finding("export", signal, "problem", found, f"pip install {package}")
    if set(named) == {"console"}:
        return Finding("export", signal, status, f"goes to standard output only: {lost}", f"set {variable}=otlp")
    return Finding("export", signal, "ok", ", ".join(exporter_of(signal, name, environ) for name in named))


def _temporality(environ: Mapping[str, str]) -> Finding:
    variable = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
    value = environ.get(variable, "cumulative").strip().lower() or "cumulative"
    if value == "cumulative":
        return Finding("export", "temporality", "ok", "cumulative, as Prometheus needs it")
    if value not in ("delta", "lowmemory"):
        found = f"{variable}={value} is none of cumulative, delta, lowmemory; cumulative is used"
        return Finding("export", "temporality", "warning", found, f"unset {variable}")
    status, case = delta_to(environ)
    remedy = f"unset {variable}, or have the Collector's processor delta_to_cumulative add them up"
    return Finding("export", "temporality", status, f"{variable}={value}: {case}", remedy)


def delta_to(environ: Mapping[str, str]) -> tuple[Status, str]:
    """What becomes of delta counters where metrics go, as far as the endpoint tells whose it is."""
    endpoint = environ.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    if "/api/v1/otlp" in endpoint:
        return "problem", "the endpoint is that of Prometheus, which drops delta counters, and refusals with them"
    return "warning", "where Prometheus is behind the endpoint, it drops delta counters, and refusals with them"


def _interval(environ: Mapping[str, str]) -> Finding:
    variable = "OTEL_METRIC_EXPORT_INTERVAL"
    value = environ.get(variable) or str(_DEFAULT_INTERVAL)
    try:
        interval = float(value)
    except ValueError:
        found = f"{variable}={value} is no number of milliseconds; {_DEFAULT_INTERVAL} is used"
        return Finding("export", "interval", "warning", found, f"mend {variable}")
    found = f"metrics are sent every {interval / 1000:g} s"
    remedy = f"set {variable} to {_DEFAULT_INTERVAL} or less"
    if not 0 < interval < _SHORTEST_WINDOW:
        windows = f"the alerts look back {_SHORTEST_WINDOW // 60_000} minutes, and miss what comes less often"
        return Finding("export", "interval", "problem", f"{found}: {windows}", remedy)
    if interval >= _STALE:
        return Finding("export", "interval", "warning", f"{found}: in between Prometheus takes series for gone", remedy)
    return Finding("export", "interval", "ok", found)


def _sampler(environ: Mapping[str, str]) -> Finding:
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip() or "parentbased_always_on"
    kept = f"OTEL_TRACES_SAMPLER={name}"
    remedy = (
        "sample in the Collector, where a policy can keep every refusal (docs/fleet.md); counts are complete as it is"
    )
    if name.endswith("always_off"):
        return Finding("export", "sampler", "warning", f"{kept}: no refusal has a trace or an exemplar", remedy)
    if name.endswith("traceidratio"):
        value = environ.get("OTEL_TRACES_SAMPLER_ARG", "")
        try:
            ratio = float(value)
        except ValueError:
            ratio = 1.0  # as the SDK takes it
        if ratio < 1:
            lost = f"{1 - ratio:.0%} of the refusals have no trace and no exemplar"
            return Finding("export", "sampler", "warning", f"{kept} with {value}: {lost}", remedy)
    return Finding("export", "sampler", "ok", kept)


def _exemplars(environ: Mapping[str, str]) -> Finding:
    variable = "OTEL_METRICS_EXEMPLAR_FILTER"
    name = environ.get(variable, "").strip().lower() or "trace_based"
    if name == "always_off":
        found = "always_off: a panel's points do not lead to a trace"
        return Finding("export", "exemplars", "warning", found, f"unset {variable}")
    return Finding("export", "exemplars", "ok", name)
