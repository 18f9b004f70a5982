"""A running Prometheus, or what speaks its API: asked for series and rules, and given rule files."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otel_refusals.bundle.documents import Json, RuleFile
from otel_refusals.bundle.export import write
from otel_refusals.bundle.server import RefusedError, Server, ServerError

PATIENCE = 10.0
"""Seconds until rules that were reloaded are taken not to be read."""


class RulesError(Exception):
    """Rules that could not be loaded. The message says why, what to do, and what is in the directory now."""


@dataclass(frozen=True, slots=True)
class LoadedRule:
    """A rule as the server has it."""

    name: str
    health: str
    error: str


class Prometheus:
    """A server with Prometheus' HTTP API: Prometheus, Mimir, Thanos, VictoriaMetrics.

    Every method raises a `ServerError` where the server gives no usable answer.
    """

    def __init__(self, server: Server) -> None:
        self.url = server.url
        self._server = server

    def query(self, expression: str, at: float | None = None) -> list[Json]:
        """The vector to which the expression evaluates now, or at a Unix time; a number is a vector of one."""
        when = [] if at is None else [("time", str(at))]
        result = self._data(self._server.ask("/api/v1/query", [("query", expression), *when]))
        if result["resultType"] == "scalar":
            return [{"metric": {}, "value": result["result"]}]
        found: list[Json] = result["result"]
        return found

    def query_range(self, expression: str, start: float, end: float, step: int) -> list[Json]:
        """The series of values of the expression between two Unix times, `step` seconds apart."""
        parameters = [("query", expression), ("start", str(start)), ("end", str(end)), ("step", str(step))]
        found: list[Json] = self._data(self._server.ask("/api/v1/query_range", parameters))["result"]
        return found

    def metric_names(self, pattern: str) -> set[str]:
        """The names of the metrics that match a regular expression."""
        parameters = [("match[]", f'{{__name__=~"{pattern}"}}')]
        return set(self._data(self._server.get("/api/v1/label/__name__/values", parameters)))

    def label_names(self, metric: str) -> set[str]:
        """The labels that series of a metric have."""
        return set(self._data(self._server.get("/api/v1/labels", [("match[]", metric)])))

    def groups(self) -> list[Json]:
        """The groups of rules that are loaded, as the server tells them."""
        found: list[Json] = self._data(self._server.get("/api/v1/rules"))["groups"]
        return found

    def rules(self) -> list[LoadedRule]:
        """The rules that are loaded."""
        return [
            LoadedRule(str(rule["name"]), str(rule.get("health", "")), str(rule.get("lastError") or ""))
            for group in self.groups()
            for rule in group["rules"]
        ]

    def load(self, files: Sequence[RuleFile], directory: Path) -> list[Path]:
        """Write rule files into a directory that the server reads, have it read them, and see that it has.

        Where the server refuses them, what was in the directory before is put back.

        Raises:
            RulesError: where any of that does not succeed.
        """
        try:
            self.rules()
        except ServerError as error:
            raise RulesError(f"{error}. Nothing was written.") from None
        texts = {directory / f"{file.name}.rules.yml": file.text for file in files}
        before: dict[Path, str | None] = {}
        try:
            for path, text in texts.items():
                old = path.read_text("utf-8") if path.is_file() else None
                write(path, text)
                before[path] = old
        except OSError as error:
            _put_back(before)
            why = f"{error.strerror or error}: {error.filename or directory}"
            raise RulesError(f"{why}. Nothing was changed in {directory}.") from None
        self._reload(before, directory)
        self._await(files, directory)
        return list(texts)

    def _reload(self, before: dict[Path, str | None], directory: Path) -> None:
        try:
            self._server.tell("/-/reload")
        except RefusedError as error:
            if error.status in (403, 404, 405):
                raise RulesError(
                    f"the rules are in {directory}, but {self.url} does not reload over HTTP ({error.status}). "
                    "Send it SIGHUP (systemctl reload prometheus), or start it with --web.enable-lifecycle; then "
                    f"see with: otel-refusals bundle check --prometheus {self.url}"
                ) from None
            _put_back(before)
            raise RulesError(f"{error}. {directory} is as it was before.") from None
        except ServerError as error:
            raise RulesError(f"the rules are in {directory}, but were not read again: {error}") from None

    def _await(self, files: Sequence[RuleFile], directory: Path) -> None:
        wanted = {
            rule.get("record") or rule["alert"] for file in files for group in file.groups for rule in group["rules"]
        }
        deadline = time.monotonic() + PATIENCE
        while not self._has(wanted):
            if time.monotonic() > deadline:
                raise RulesError(
                    f"the rules are in {directory}, and {self.url} has read its configuration again, but not them. "
                    f"Add this to its configuration and run it again:\n\nrule_files:\n  - {directory.resolve()}/*.yml"
                )
            time.sleep(0.1)

    def _has(self, wanted: set[str]) -> bool:
        try:
            return wanted <= {rule.name for rule in self.rules()}
        except ServerError:  # it answered before; what it does now is seen at the deadline
            return False

    def _data(self, answer: Any) -> Any:
        if not isinstance(answer, dict) or "data" not in answer:
            raise ServerError(f"{self.url} does not speak Prometheus' API; is this the address up to /api/v1?")
        return answer["data"]


def _put_back(before: dict[Path, str | None]) -> None:
    for path, text in before.items():
        if text is None:
            path.unlink(missing_ok=True)
        else:
            write(path, text)
