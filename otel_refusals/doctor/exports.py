"""The doctor's ears inside a child: what exporters are given, and what they answer.

Exporters are heard at their public `export`, whoever made them: environment, distro or configuration file.
"""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import entry_points
from threading import Thread, current_thread, local, main_thread
from typing import Any
from urllib.request import ProxyHandler, build_opener

from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider

from otel_refusals.names import OUTCOME, REFUSAL_DETECTED, REFUSALS

Tell = Callable[..., None]

SIGNALS = ("metrics", "traces", "logs")

_current = local()
"""Why the export that runs in this thread fails, as far as the exporter logs it: by level, the last of each."""


def listen_to_exporters(tell: Tell) -> None:
    """Tell of every export from now on, of every installed exporter."""
    for signal in SIGNALS:
        for point in entry_points(group=f"opentelemetry_{signal}_exporter"):
            try:
                exporter: Any = point.load()
            except Exception:  # noqa: S112 - one that cannot be loaded exports nothing; if it is wanted, the SDK says so
                continue
            if "export" in vars(exporter):
                exporter.export = _heard(exporter.export, signal, exporter.__name__, tell)
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("opentelemetry")]:
        # The SDK's filters take what fails for one signal as a repetition of what failed for another.
        logging.getLogger(name).filters.clear()
    logging.getLogger("opentelemetry").addHandler(_Reasons())


def _heard(export: Callable[..., Any], signal: str, name: str, tell: Tell) -> Callable[..., Any]:
    @functools.wraps(export)
    def heard(self: Any, data: Any, *args: Any, **kwargs: Any) -> Any:
        _current.reasons = {}
        # Batching processors and readers have threads of their own; the call was made in this one.
        waited = current_thread() is main_thread()
        delta = signal == "metrics" and _is_delta(data)
        try:
            result = export(self, data, *args, **kwargs)
        except BaseException as error:
            reason = f"{type(error).__name__}: {error}"
            told = {"ok": False, "ours": _is_ours[signal](data), "reason": reason, "waited": waited}
            tell("export", signal=signal, exporter=name, **told)
            raise
        ok = getattr(result, "name", "") == "SUCCESS"
        reason = "" if ok else "; ".join(_current.reasons.values()) or "it does not say why"
        told = {"ok": ok, "ours": _is_ours[signal](data), "reason": reason, "waited": waited, "delta": delta}
        tell("export", signal=signal, exporter=name, **told)
        return result

    return heard


class _Reasons(logging.Handler):
    """Remembers what an exporter logs, for the export that runs in the same thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        # The last attempt is an error that may not say why; the one before was a warning that does.
        reasons = vars(_current).setdefault("reasons", {})
        reasons[record.levelno] = record.getMessage()


def _metrics(data: Any) -> Iterator[Any]:
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            yield from scope.metrics


def _is_delta(data: Any) -> bool:
    return any(
        getattr(getattr(metric.data, "aggregation_temporality", None), "name", "") == "DELTA"
        for metric in _metrics(data)
    )


_is_ours: dict[str, Callable[[Any], bool]] = {
    "metrics": lambda data: any(metric.name == REFUSALS.name for metric in _metrics(data)),
    "traces": lambda spans: any(OUTCOME in (span.attributes or {}) for span in spans),
    "logs": lambda records: any(getattr(one.log_record, "event_name", None) == REFUSAL_DETECTED for one in records),
}


def watch_spans() -> list[Any]:
    """The spans that end from now on; none without an OpenTelemetry SDK."""
    ended: list[Any] = []
    provider: Any = trace.get_tracer_provider()
    if hasattr(provider, "add_span_processor"):
        from opentelemetry.sdk.trace import SpanProcessor

        class Watch(SpanProcessor):
            def on_end(self, span: Any) -> None:
                ended.append(span)

        provider.add_span_processor(Watch())
    return ended


def flush(tell: Tell, seconds: float) -> None:
    """Make every signal export what it has, side by side, and wait that long at most."""
    providers = (metrics.get_meter_provider(), trace.get_tracer_provider(), get_logger_provider())
    threads = [
        Thread(target=_flush, args=(provider, seconds), daemon=True)
        for provider in providers
        if hasattr(provider, "force_flush")
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))
    for url in _scraped():
        _scrape(tell, url, seconds)


def _flush(provider: Any, seconds: float) -> None:
    try:
        provider.force_flush(int(seconds * 1000))
    except Exception:
        logging.getLogger("otel_refusals").debug("flush", exc_info=True)


def _scraped() -> Iterable[str]:
    if "prometheus" in os.environ.get("OTEL_METRICS_EXPORTER", "").replace(" ", "").split(","):
        host = os.environ.get("OTEL_EXPORTER_PROMETHEUS_HOST", "localhost")
        yield f"http://{host}:{os.environ.get('OTEL_EXPORTER_PROMETHEUS_PORT', '9464')}/metrics"


def _scrape(tell: Tell, url: str, seconds: float) -> None:
    reason, page = "", b""
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=seconds) as answer:
            page = answer.read()
    except OSError as error:
        reason = f"{url}: {error}"
    ours = REFUSALS.prometheus.encode() in page
    tell("export", signal="metrics", exporter="prometheus", ok=not reason, ours=ours, reason=reason, delta=False)
