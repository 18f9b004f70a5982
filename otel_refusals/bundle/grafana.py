"""Dashboards into a running Grafana, over its HTTP API.

Folder and dashboard calls of `/api`, which every Grafana since 8 has; in Grafana 13 they are deprecated, and answer. A
dashboard is found again by its `uid`, so loading twice changes nothing, and loading a newer bundle adds a version to
the dashboard's history, from which the last one can be restored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from otel_refusals._version import __version__
from otel_refusals.bundle.documents import Dashboard, Json
from otel_refusals.bundle.server import RefusedError, Server, ServerError

FOLDER_UID = "otel-refusals"
FOLDER_TITLE = "LLM refusals"

_ABSENT = (403, 404)  # some versions answer 403 for what is not there
_REMEDIES = {
    401: "the token is not valid here: set GRAFANA_TOKEN to that of a service account of this Grafana",
    403: "the token may not do that: give its service account the role Editor, or the permissions folders:create, "
    "folders:read, dashboards:create, dashboards:read and dashboards:write",
    404: "nothing is there: is the address complete, with Grafana's path prefix if it has one?",
    413: "a proxy in front of Grafana does not let so much pass: raise its limit to 1 MiB",
    429: "Grafana is asked too often: wait a minute and run it again",
}
_CONFLICTS = {
    "version-mismatch": "someone saved this dashboard at the same time: run it again",
    "name-exists": "another dashboard with this title is in the folder: rename it, or load into another --folder",
    "plugin-dashboard": "this dashboard belongs to a plugin: uninstall the plugin's first",
}


class GrafanaError(Exception):
    """Grafana did not take something. The message says what, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A dashboard that is in Grafana now, and what was done for it."""

    dashboard: Dashboard
    url: str
    how: Literal["created", "updated", "unchanged"]


class Grafana:
    """A Grafana that dashboards are loaded into."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def load(self, dashboards: Iterable[Dashboard], folder: str = FOLDER_UID) -> Iterator[Loaded]:
        """Load one dashboard after the other into the folder with that uid, which is made where there is none.

        Raises:
            GrafanaError: at the first that is not taken. What was yielded before is loaded; the rest is not.
        """
        self._make(folder)
        for dashboard in dashboards:
            yield self._load(dashboard, folder)

    def has_prometheus(self) -> bool:
        """Whether there is a data source to draw from. True as well where the token may not see that."""
        try:
            sources = self._server.get("/api/datasources")
        except ServerError:
            return True
        return any("prometheus" in str(source.get("type")) for source in sources)

    def _make(self, folder: str) -> None:
        try:
            if self._found(f"/api/folders/{quote(folder, safe='')}") is None:
                self._server.post("/api/folders", {"uid": folder, "title": FOLDER_TITLE})
        except ServerError as error:
            if isinstance(error, RefusedError) and error.status in (409, 412):
                why = f"{error}; a folder with this title is there: give its uid as --folder"
                raise GrafanaError(f"the folder {FOLDER_TITLE!r} was not made: {why}") from None
            raise GrafanaError(f"the folder {FOLDER_TITLE!r} was not made: {_explained(error)}") from None

    def _load(self, dashboard: Dashboard, folder: str) -> Loaded:
        try:
            there = self._found(f"/api/dashboards/uid/{quote(dashboard.uid, safe='')}")
            meta = there["meta"] if there else {}
            if meta.get("provisioned"):
                origin = meta.get("provisionedExternalId") or "a file"
                raise GrafanaError(
                    f"{dashboard.title!r} was not loaded: Grafana provisions it from {origin}; change that"
                )
            if there and meta.get("folderUid") == folder and _content(there["dashboard"]) == _content(dashboard.model):
                return Loaded(dashboard, self._server.url + _path(meta, dashboard), "unchanged")
            version = there["dashboard"].get("version", 0) if there else 0
            answer = self._server.post(
                "/api/dashboards/db",
                {
                    "dashboard": {**dashboard.model, "id": None, "version": version},
                    "folderUid": folder,
                    "message": f"otel-refusals {__version__}",
                    "overwrite": False,
                },
            )
            return Loaded(dashboard, self._server.url + _path(answer, dashboard), "updated" if there else "created")
        except ServerError as error:
            raise GrafanaError(f"{dashboard.title!r} was not loaded: {_explained(error)}") from None

    def _found(self, path: str) -> Json | None:
        """What is at `path`; None where nothing is."""
        try:
            found: Json = self._server.get(path)
        except RefusedError as error:
            if error.status in _ABSENT:
                return None
            raise
        return found


def _path(answer: Json, dashboard: Dashboard) -> str:
    """The dashboard's path, which Grafana tells with its own path prefix or without."""
    return f"/d/{answer.get('uid') or dashboard.uid}"


def _content(model: Json) -> Json:
    """A dashboard without what Grafana writes into it."""
    return {key: value for key, value in model.items() if key not in ("id", "version")}


def _explained(error: ServerError) -> str:
    if not isinstance(error, RefusedError):
        return str(error)
    if error.status == 412:
        status = str(error.body.get("status", ""))
        return f"{error}; {_CONFLICTS.get(status, 'it is in conflict with what is there')}"
    if error.status == 400 and "provisioned" in error.said.lower():
        return f"{error}; Grafana provisions it from a file: change that file instead"
    if error.status >= 500:
        return f"{error}; Grafana, or a proxy in front of it, is in trouble: see its log"
    remedy = _REMEDIES.get(error.status)
    return f"{error}; {remedy}" if remedy else str(error)
