"""An application that is scraped, and a Prometheus that scrapes it and evaluates the rules every second."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import yaml

from otel_refusals.bundle.prometheus import Prometheus
from otel_refusals.bundle.server import Server
from tests.bundle.servers import free_port, path_of, running, until
from tests.bundle.test_export import exported

BASE = (
    'gen_ai_provider_name="anthropic",gen_ai_operation_name="chat",gen_ai_request_model="m",refusal_workload="triage"'
)
DECLINE = f'{BASE},refusal_category="cyber",refusal_stage="pre_output"'

CALLED = f"""\
refusal_client_operations_total{{{BASE},refusal_outcome="completed"}} 40
refusal_client_operations_total{{{BASE},refusal_outcome="refused"}} 0
refusal_client_operations_total{{{BASE},refusal_outcome="rescued"}} 0
refusal_client_operations_total{{{BASE},refusal_outcome="unknown"}} 0
"""
"""What an application exposes that was called and not refused."""

REFUSED = (
    CALLED
    + f"""\
refusal_client_refusals_total{{{DECLINE},refusal_outcome="refused",refusal_source="classifier"}} 9
refusal_client_discarded_input_tokens_total{{{DECLINE}}} 900
refusal_client_discarded_output_tokens_total{{{DECLINE}}} 90
refusal_client_unknown_stop_reasons_total{{{BASE},refusal_signal="odd"}} 1
refusal_client_unknown_stop_reason_last_seen_seconds{{{BASE},refusal_signal="odd"}} {time.time():.0f}
refusal_client_time_to_refusal_seconds_bucket{{{BASE},refusal_stage="pre_output",le="+Inf"}} 9
refusal_client_time_to_refusal_seconds_count{{{BASE},refusal_stage="pre_output"}} 9
refusal_client_time_to_refusal_seconds_sum{{{BASE},refusal_stage="pre_output"}} 1
refusal_instrumentation_errors_total{{refusal_vendor="openai",error_type="KeyError"}} 1
"""
)
"""What one exposes that was refused, and more."""


@contextmanager
def exposing(text: str) -> Iterator[str]:
    """An application that is scraped; its host and port."""

    class Metrics(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            """Every second one; none of interest."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def prometheus(
    program: str, home: Path, target: str | None = None, rules: Sequence[Path] = (), others: Sequence[str] = ()
) -> Iterator[str]:
    """A Prometheus that scrapes and evaluates every second, once it has evaluated every rule; its address.

    Args:
        program: Which one.
        home: Where its data goes.
        target: An application that is waited for.
        rules: Rule files.
        others: Applications that may come later.
    """
    home.mkdir()
    url = f"http://127.0.0.1:{free_port()}"
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(path) for path in rules],
        "scrape_configs": [
            {"job_name": "app", "static_configs": [{"targets": [*([target] if target else []), *others]}]}
        ],
    }
    (home / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    command = [
        path_of(program),
        f"--config.file={home}/prometheus.yml",
        f"--storage.tsdb.path={home}/data",
        f"--web.listen-address={url.removeprefix('http://')}",
    ]
    with running(command, f"{url}/-/ready", home, url=url):
        asked = Prometheus(Server(url))
        if target:
            until(lambda: asked.query("up == 1"), "the application to be scraped")
        if rules:
            until(lambda: all(rule.health != "unknown" for rule in asked.rules()), "every rule to be evaluated")
        yield url


def quick(directory: Path, *options: str) -> list[Path]:
    """The rules as exported, but evaluated every second."""
    paths = list(exported(directory, *options).glob("rules/*.yml"))
    for path in paths:
        path.write_text(re.sub(r"interval: \w+", "interval: 1s", path.read_text()))
    return paths
