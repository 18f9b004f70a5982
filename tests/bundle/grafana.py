"""A stand-in for Grafana's HTTP API, written after its public documentation: no registry has Grafana itself.

It keeps folders and dashboards, knows one token, and says no with the statuses and words that the documentation gives.
What a test wants it to answer instead, `answers` holds by method and path.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

TOKEN = "glsa_test"

Answer = tuple[int, Any]


@dataclass
class Grafana:
    """What the stand-in holds.

    Attributes:
        prefix: Its path prefix, as `serve_from_sub_path` gives one.
        titles_are_unique: Whether a folder holds each title once, as it did before Grafana 12.
        answers: What is answered to a method and path instead: status and JSON, text, or a place to redirect to.
        asked: The requests in order.
    """

    url: str = ""
    prefix: str = ""
    titles_are_unique: bool = False
    folders: dict[str, str] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: list[dict[str, str]] = field(default_factory=lambda: [{"type": "prometheus"}])
    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, authorization: str, body: Any) -> Answer:
        """The status and the JSON."""
        self.asked.append((method, path))
        for (wanted, place), answer in self.answers.items():
            if method == wanted and path.startswith(place):
                return answer
        if authorization != f"Bearer {TOKEN}":
            return 401, {"message": "Invalid API key", "messageId": "api-key.invalid", "statusCode": 401}
        if not path.startswith(self.prefix):
            return 404, {"message": "Not found"}
        match (method, path.removeprefix(self.prefix).strip("/").split("/")):
            case ("GET", ["api", "folders", uid]):
                return self._folder(uid)
            case ("POST", ["api", "folders"]):
                return self._make_folder(body)
            case ("GET", ["api", "dashboards", "uid", uid]):
                return (
                    (200, self.dashboards[uid]) if uid in self.dashboards else (404, {"message": "Dashboard not found"})
                )
            case ("POST", ["api", "dashboards", "db"]):
                return self._save(body)
            case ("GET", ["api", "datasources"]):
                return 200, self.sources
        return 404, {"message": "Not found"}

    def _folder(self, uid: str) -> Answer:
        if uid not in self.folders:
            return 404, {"message": "folder not found", "status": "not-found"}
        return 200, {"uid": uid, "title": self.folders[uid], "version": 1}

    def _make_folder(self, body: Any) -> Answer:
        if body["uid"] in self.folders or body["title"] in self.folders.values():
            return 409, {"message": "a folder with the same name already exists in the current location"}
        self.folders[body["uid"]] = body["title"]
        return self._folder(body["uid"])

    def _save(self, body: Any) -> Answer:
        model, folder = body["dashboard"], body["folderUid"]
        there = self.dashboards.get(model["uid"])
        if folder not in self.folders:
            return 400, {"message": "folder not found"}
        if there and there["meta"]["provisioned"]:
            return 400, {"message": "Cannot save provisioned dashboard"}
        if there and there["dashboard"]["version"] != model["version"] and not body["overwrite"]:
            return 412, {"status": "version-mismatch", "message": "The dashboard has been changed by someone else"}
        titles = {
            d["dashboard"]["title"]
            for d in self.dashboards.values()
            if d is not there and d["meta"]["folderUid"] == folder
        }
        if self.titles_are_unique and model["title"] in titles:
            return 412, {
                "status": "name-exists",
                "message": "A dashboard with the same name in the folder already exists",
            }
        version = there["dashboard"]["version"] + 1 if there else 1
        url = f"{self.prefix}/d/{model['uid']}/{model['title'].lower().replace(' ', '-')}"
        self.dashboards[model["uid"]] = {
            "dashboard": {**model, "id": len(self.dashboards) + 1, "version": version},
            "meta": {"folderUid": folder, "url": url, "provisioned": False, "provisionedExternalId": ""},
        }
        self.messages.append(body["message"])
        return 200, {"id": 1, "uid": model["uid"], "url": url, "status": "success", "version": version}


@contextmanager
def grafana(**state: Any) -> Iterator[Grafana]:
    """The stand-in on a loopback port."""
    held = Grafana(**state)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: Any) -> None:
            status, said = held.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
            text = said if isinstance(said, str) else json.dumps(said)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", text)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            """The test says what went wrong."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.url = f"http://127.0.0.1:{server.server_port}{held.prefix}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
