"""`otel-refusals bundle`: dashboards and alert rules to where they are used."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.text import Text

from otel_refusals.bundle.check import Finding, State, check
from otel_refusals.bundle.documents import Settings, dashboards, rule_files
from otel_refusals.bundle.export import TARGETS, export
from otel_refusals.bundle.files import bundle_files
from otel_refusals.bundle.grafana import FOLDER_UID, Grafana, GrafanaError
from otel_refusals.bundle.prometheus import Prometheus, RulesError
from otel_refusals.bundle.server import RefusedError, Server, ServerError, basic, bearer

_STATES: dict[State, str] = {"ok": "green", "waiting": "yellow", "failed": "bold red"}

_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group("bundle")
def bundle() -> None:
    """Bring dashboards and alert rules to Grafana and Prometheus, and see that they work."""


def _settings(command: _Command) -> _Command:
    """The options that are the same for every command, given as one `settings`."""
    for name, example, text in (
        ("--grafana-base", "URL", "The Grafana that alerts link to."),
        ("--runbook-base", "URL", "Where <AlertName>.md is found; by default at GitHub."),
        ("--cluster-label", "LABEL", "The label by which several clusters in one store are told apart."),
    ):
        command = click.option(name, metavar=example, help=text)(command)
    return command


@bundle.command("export")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--for", "target", type=click.Choice(list(TARGETS)), default="prometheus", show_default=True)
@_settings
def export_(directory: Path, target: str, **settings: str | None) -> None:
    """Write dashboards, rules and runbooks into DIRECTORY, in the form that one kind of store takes."""
    try:
        paths = export(directory, target, bundle_files(), _made(settings))
    except OSError as error:
        raise click.ClickException(f"{error.filename or directory}: {error.strerror or error}") from None
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    for path in paths:
        click.echo(directory / path)
    click.echo(f"\n{len(paths)} files. What to do with them: {directory / 'README.md'}", err=True)


@bundle.command()
@click.option("--grafana", metavar="URL", help="Load the dashboards there; the token comes from GRAFANA_TOKEN.")
@click.option("--folder", metavar="UID", default=FOLDER_UID, show_default=True, help="The folder in Grafana.")
@click.option("--prometheus", metavar="URL", help="Load the rules there, with --rules-dir.")
@click.option(
    "--rules-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="A directory of rule files that this Prometheus reads, on this machine.",
)
@_settings
def load(
    grafana: str | None, folder: str, prometheus: str | None, rules_dir: Path | None, **settings: str | None
) -> None:
    """Load the dashboards into a running Grafana and the rules into a running Prometheus.

    Twice is once: what is there and the same stays untouched. Of a dashboard that is replaced Grafana keeps the last
    version. A bearer token for Prometheus comes from PROMETHEUS_TOKEN; with PROMETHEUS_USER it is the password.
    """
    if not (grafana or prometheus):
        raise click.UsageError("say where to: --grafana URL, or --prometheus URL --rules-dir DIRECTORY, or both")
    if bool(prometheus) != bool(rules_dir):
        raise click.UsageError("--prometheus and --rules-dir belong together: a Prometheus reads its rules from files")
    made = _made(settings)
    console = Console(highlight=False, soft_wrap=True)
    done = [
        _load_dashboards(console, Grafana(_grafana(grafana)), folder, made) if grafana else True,
        _load_rules(console, prometheus_at(prometheus), rules_dir, made) if prometheus and rules_dir else True,
    ]
    if not all(done):
        raise SystemExit(1)


@bundle.command("check")
@click.option("--prometheus", metavar="URL", required=True, help="What the dashboards draw from.")
@click.option("--tenant", metavar="ID", help="The tenant of a Mimir: X-Scope-OrgID.")
@click.option("--cluster-label", metavar="LABEL", help="The label that the bundle was exported or loaded with.")
@click.option("--strict", is_flag=True, help="Take what has not happened yet for wrong, too.")
def check_(prometheus: str, tenant: str | None, cluster_label: str | None, *, strict: bool) -> None:
    """See whether series are there, rules are loaded and panels filled. Exits with 1 where something is wrong.

    What waits is not wrong: a panel on refusals is empty until the first one, and a baseline for the first hours.
    """
    settings = _made({"cluster_label": cluster_label})
    files = bundle_files()
    server = prometheus_at(prometheus, tenant)
    try:
        findings = list(check(server, rule_files(files, settings), dashboards(files, settings), cluster_label))
    except ServerError as error:
        raise click.ClickException(explained(error)) from None
    _show(Console(highlight=False, soft_wrap=True), findings)
    if {finding.state for finding in findings} & ({"failed", "waiting"} if strict else {"failed"}):
        raise SystemExit(1)


def _load_dashboards(console: Console, grafana: Grafana, folder: str, settings: Settings) -> bool:
    """Load them and say of each whether it is loaded; False where one is not."""
    wanted = dashboards(bundle_files(), settings)
    loaded = 0
    try:
        for each in grafana.load(wanted, folder):
            loaded += 1
            console.print(Text.assemble((f"{each.how:<9}", "green"), f"  {each.dashboard.title}  {each.url}"))
    except GrafanaError as error:
        console.print(Text.assemble(("not loaded", "bold red"), f"  {error}"))
        for dashboard in wanted[loaded + 1 :]:
            console.print(Text.assemble(("not tried", "yellow"), f"   {dashboard.title}"))
        return False
    if not grafana.has_prometheus():
        console.print(Text("Grafana has no Prometheus data source yet: add one, or every panel stays empty.", "yellow"))
    return True


def _load_rules(console: Console, prometheus: Prometheus, directory: Path, settings: Settings) -> bool:
    files = [file for file in rule_files(bundle_files(), settings) if not file.optional]
    try:
        paths = prometheus.load(files, directory)
    except RulesError as error:
        console.print(Text.assemble(("not loaded", "bold red"), f"  rules: {error}"))
        return False
    for path in paths:
        console.print(Text.assemble((f"{'loaded':<9}", "green"), f"  {path}  read by {prometheus.url}"))
    return True


def _show(console: Console, findings: Sequence[Finding]) -> None:
    """One line per kind of thing, and one per thing that is not in order."""
    counts = Counter((finding.area, finding.state) for finding in findings)
    for area in dict.fromkeys(finding.area for finding in findings):
        numbers = [(f"{counts[area, state]} {state}", style) for state, style in _STATES.items() if counts[area, state]]
        line = Text(f"{area:<8}")
        for number, style in numbers:
            line.append("  ").append(number, style)
        console.print(line)
    for state in ("waiting", "failed"):  # what is wrong comes last, where it is seen
        for finding in (finding for finding in findings if finding.state == state):
            style = _STATES[finding.state]
            console.print(Text.assemble((f"{state:<8}", style), " ", (finding.subject, "bold"), f": {finding.detail}"))


def _made(settings: dict[str, str | None]) -> Settings:
    try:
        return Settings(**settings)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _grafana(url: str) -> Server:
    token = os.environ.get("GRAFANA_TOKEN", "").strip()
    if not token:
        raise click.UsageError(
            "GRAFANA_TOKEN is not set: make a service account with the role Editor in Grafana "
            "(Administration, Service accounts), and put its token there"
        )
    return _server("--grafana", url, bearer(token))


def prometheus_at(url: str, tenant: str | None = None) -> Prometheus:
    """The Prometheus of that address, with the credentials of the environment.

    Raises:
        click.UsageError: for an address that is none.
    """
    user, token = (os.environ.get(name, "").strip() for name in ("PROMETHEUS_USER", "PROMETHEUS_TOKEN"))
    headers = basic(user, token) if user else bearer(token) if token else {}
    return Prometheus(_server("--prometheus", url, {**headers, **({"X-Scope-OrgID": tenant} if tenant else {})}))


def _server(option: str, url: str, headers: dict[str, str]) -> Server:
    try:
        return Server(url, headers)
    except ValueError as error:
        raise click.UsageError(f"{option}: {error}") from None


def explained(error: ServerError) -> str:
    """What went wrong, and where credentials come from if that is it."""
    if isinstance(error, RefusedError) and error.status in (401, 403):
        return f"{error}; set PROMETHEUS_TOKEN, and PROMETHEUS_USER where it asks for a user and a password"
    return str(error)
