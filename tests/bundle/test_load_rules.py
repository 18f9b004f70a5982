"""`otel-refusals bundle load --prometheus`: rules into a running Prometheus, or a word on why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from otel_refusals import cli
from otel_refusals.bundle import prometheus as loading
from otel_refusals.bundle.files import bundle_files
from tests.bundle.servers import Server, free_port, path_of, running
from tests.bundle.test_export import ours

PROMETHEUSES = [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("prometheus", "prometheus-2.42")]

Start = Callable[..., AbstractContextManager[Server]]


@pytest.fixture(params=PROMETHEUSES)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Starts the oldest and the newest Prometheus, which reads the rules in the given directory."""

    @contextmanager
    def started(rules: Path, *flags: str) -> Iterator[Server]:
        url = f"http://127.0.0.1:{free_port()}"
        (tmp_path / "prometheus.yml").write_text(f"rule_files: ['{rules}/*.yml']")
        command = [
            path_of(request.param),
            f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address={url.removeprefix('http://')}",
            *flags,
        ]
        with running(command, f"{url}/-/ready", tmp_path / "server", url=url) as server:
            yield server

    return started


RELOADS = "--web.enable-lifecycle"


def load(url: str, directory: Path) -> Result:
    """Load as a person does."""
    return CliRunner().invoke(cli.commands(), ["bundle", "load", "--prometheus", url, "--rules-dir", str(directory)])


def rules_of(url: str) -> list[str]:
    """The names of the rules that the server has."""
    return sorted(rule.name for rule in loading.Prometheus(loading.Server(url)).rules())


def test_rules_are_written_reloaded_and_seen(start: Start, tmp_path: Path) -> None:
    """One command, and Prometheus evaluates them; the optional ones are left to a decision. Twice is once."""
    rules = tmp_path / "rules"
    with start(rules, RELOADS) as server:
        first, second = load(server.url, rules), load(server.url, rules)

        assert (0, 0) == (first.exit_code, second.exit_code), first.output + second.output
        assert sorted(ours()) == rules_of(server.url)
        for path in bundle_files().rules:
            assert f"loaded     {rules / path.name}  read by {server.url}" in first.output
            assert path.read_text() == (rules / path.name).read_text()


def test_a_prometheus_that_does_not_reload_over_http_is_told_to_be_signalled(start: Start, tmp_path: Path) -> None:
    """The files are there, and the command says so."""
    rules = tmp_path / "rules"
    with start(rules) as server:
        result = load(server.url, rules)

        assert 1 == result.exit_code
        assert "does not reload over HTTP (403). Send it SIGHUP" in result.output
        assert {path.name for path in bundle_files().rules} == {path.name for path in rules.iterdir()}


def test_a_directory_that_prometheus_does_not_read_is_told(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the lines that its configuration needs."""
    monkeypatch.setattr(loading, "PATIENCE", 1.0)
    with start(tmp_path / "rules", RELOADS) as server:
        result = load(server.url, tmp_path / "elsewhere")

        assert 1 == result.exit_code
        assert f"rule_files:\n  - {tmp_path}/elsewhere/*.yml" in result.output


def test_what_was_there_before_is_put_back_when_the_reload_fails(start: Start, tmp_path: Path) -> None:
    """A broken file of somebody else makes Prometheus refuse all; nothing is left there that it has not taken."""
    rules = tmp_path / "rules"
    with start(rules, RELOADS) as server:
        rules.mkdir()
        (rules / "pipeline.rules.yml").write_text("groups: []")
        (rules / "theirs.yml").write_text("groups: [broken")
        result = load(server.url, rules)

        assert 1 == result.exit_code
        assert "answered 500" in result.output
        assert f"{rules} is as it was before" in result.output
        assert {"pipeline.rules.yml", "theirs.yml"} == {path.name for path in rules.iterdir()}
        assert "groups: []" == (rules / "pipeline.rules.yml").read_text()


def test_a_directory_that_cannot_be_written_is_told(start: Start, tmp_path: Path) -> None:
    """By its name, and with nothing changed."""
    (tmp_path / "file").write_text("")
    with start(tmp_path / "rules", RELOADS) as server:
        result = load(server.url, tmp_path / "file" / "rules")

        assert 1 == result.exit_code
        assert "Nothing was changed" in result.output


def test_nothing_is_written_for_a_server_that_is_not_there(tmp_path: Path) -> None:
    """The address is asked before the directory is touched."""
    result = load(f"http://127.0.0.1:{free_port()}", tmp_path / "rules")

    assert 1 == result.exit_code
    assert "nothing listens there (connection refused)" in result.output
    assert "Nothing was written" in result.output
    assert not (tmp_path / "rules").exists()
