"""A receiver of Alertmanager's webhook: every alert that is told arrives as a plain object."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import cast


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of a notification.

    Args:
        status: `firing` or `resolved`.
        labels: What tells it from others, `alertname` and `severity` among them.
        annotations: What it says, `summary` among them.
    """

    status: str
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def name(self) -> str:
        """The name of its rule."""
        return self.labels.get("alertname", "")


@contextmanager
def webhook(host: str, port: int, told: Callable[[Alert], None]) -> Iterator[str]:
    """Receive notifications until the end of the `with`; gives the URL for Alertmanager.

    Args:
        host: Address to listen on.
        port: Port to listen on, 0 for a free one.
        told: Called with each alert, in the thread of its request.

    Raises:
        OSError: when nothing can listen there.
    """
    with _Server((host, port), told) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,), name="alert-webhook", daemon=True)
        thread.start()
        try:
            yield f"http://{host}:{server.server_address[1]}/"
        finally:
            server.shutdown()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], told: Callable[[Alert], None]) -> None:
        self.told = told
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            alerts = [
                Alert(str(alert["status"]), dict(alert["labels"]), dict(alert["annotations"]))
                for alert in json.loads(body)["alerts"]
            ]
        except (ValueError, KeyError, TypeError):
            self.send_error(400, "not a notification of Alertmanager")
            return
        for alert in alerts:
            cast("_Server", self.server).told(alert)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of http.server
        """Be quiet."""
