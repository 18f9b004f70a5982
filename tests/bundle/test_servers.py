"""What the other tests of the bundle stand on: where a program is, and one running for the length of a `with`."""

from __future__ import annotations

import itertools
import signal
import stat
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.bundle import start
from tests.bundle.servers import Server, ServerError, answers, free_port, path_of, running, server, until

STACK = Path(__file__).parents[2] / "otel_refusals" / "bundle" / "stack"


def make_program(path: Path, script: str = "") -> None:
    """A program of a line of shell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def http_server(port: int) -> list[str | Path]:
    return [Path(sys.executable), "-m", "http.server", "--bind", "127.0.0.1", str(port)]


def test_a_program_is_taken_from_the_directory_before_the_path(nothing_here: Path, tmp_path: Path) -> None:
    """What `.ci/servers` has put there is the pinned version."""
    make_program(nothing_here / "pint")
    assert server("pint") == nothing_here / "pint"

    make_program(tmp_path / "servers" / "bin" / "pint")
    assert server("pint") == tmp_path / "servers" / "bin" / "pint"


def test_a_program_on_the_path_must_be_of_the_version_that_is_meant(nothing_here: Path) -> None:
    """Debian's Prometheus is the old one of the two that the rules are tested on."""
    make_program(nothing_here / "prometheus", "echo 'prometheus, version 2.42.0+ds (branch: debian/sid)'")

    assert server("prometheus-2.42") == nothing_here / "prometheus"
    assert server("prometheus") is None


def test_debians_name_of_alertmanager_is_known(nothing_here: Path) -> None:
    """A machine where the package is installed has it under a longer name."""
    make_program(nothing_here / "prometheus-alertmanager")

    assert server("alertmanager") == nothing_here / "prometheus-alertmanager"


def test_a_program_that_is_not_there_is_named_with_what_installs_it(nothing_here: Path) -> None:
    """The error is enough to go on."""
    with pytest.raises(ServerError, match=r"promtool is not on this machine: run \.ci/servers"):
        path_of("promtool")


def test_a_name_that_no_program_has_is_a_mistake_of_the_test() -> None:
    """A typing error must not leave a test out for ever."""
    with pytest.raises(KeyError, match="promtol"):
        server("promtol")


def test_a_server_runs_for_the_length_of_the_with(tmp_path: Path) -> None:
    """It answers inside; outside it is gone, and what it printed is kept."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running(http_server(port), f"{url}/", tmp_path / "home", url=url) as http:
        assert answers(f"{http.url}/")

    assert http.process.returncode is not None
    assert "GET / HTTP/1.1" in http.log.read_text()
    with pytest.raises(urllib.error.URLError):
        answers(f"{url}/")


def test_a_server_that_ends_says_why(tmp_path: Path) -> None:
    """The end of its log is in the error, and nobody waits for it."""
    command = [sys.executable, "-c", "import sys; sys.exit('no such flag: --wrong')"]
    with (
        pytest.raises(ServerError, match=r"ended with 1; the end of its log:\nno such flag: --wrong"),
        running(command, "http://127.0.0.1:9/", tmp_path),
    ):
        pytest.fail("it was not ready")


def test_a_server_that_does_not_become_ready_is_stopped(tmp_path: Path) -> None:
    """The error says what was waited for; the process does not stay behind."""
    port = free_port()
    with (
        pytest.raises(ServerError, match=r"waited 1 s in vain: .* to be ready"),
        running(http_server(port), f"http://127.0.0.1:{port}/not-there", tmp_path, patience=1),
    ):
        pytest.fail("it was not ready")

    with pytest.raises(urllib.error.URLError):
        answers(f"http://127.0.0.1:{port}/")


def test_what_does_not_come_is_named() -> None:
    """`until` asks again and again, takes a refused connection for a no, and gives up in time."""
    asked = itertools.count(1)
    until(lambda: next(asked) == 3, "the third answer")
    assert next(asked) == 4

    port = free_port()
    with pytest.raises(ServerError, match=r"waited 0\.2 s in vain: an answer"):
        until(lambda: answers(f"http://127.0.0.1:{port}/"), "an answer", patience=0.2)


Starter = Callable[[Path], AbstractContextManager[Server]]


def _of(home: Path, name: str, content: str) -> Path:
    file = home / name
    file.write_text(content)
    return file


STARTERS: dict[str, Starter] = {
    "prometheus": lambda home: start.prometheus(_of(home, "prometheus.yml", "global: {}"), home),
    "prometheus-2.42": lambda home: start.prometheus(
        _of(home, "prometheus.yml", "global: {}"), home, program="prometheus-2.42"
    ),
    "alertmanager": lambda home: start.alertmanager(
        _of(home, "alertmanager.yml", "{route: {receiver: none}, receivers: [{name: none}]}"), home
    ),
    "victoria-metrics": start.victoria_metrics,
    "vmalert": lambda home: start.vmalert(
        [_of(home, "none.rules.yml", "groups: []")], home, store="http://127.0.0.1:9", notifier="http://127.0.0.1:9"
    ),
    "otelcol": lambda home: start.collector(STACK / "collector.yaml", home),
    "jaeger": lambda home: start.jaeger(STACK / "jaeger.yaml", home, otlp_port=free_port()),
}


@pytest.mark.parametrize(
    "starter", [pytest.param(starter, marks=pytest.mark.needs(name), id=name) for name, starter in STARTERS.items()]
)
def test_each_server_starts_and_stops_cleanly(starter: Starter, tmp_path: Path) -> None:
    """On a free port, from the files that it is given, and with no error when it is asked to stop."""
    with starter(tmp_path) as started:
        assert started.log.is_file()

    ends = (0, -signal.SIGTERM)  # the Collector says that it is ready just before it begins to catch the signal
    assert started.process.returncode in ends, started.log.read_text()


@pytest.mark.needs("prometheus")
def test_prometheus_takes_otlp(tmp_path: Path) -> None:
    """The one of the two that is new enough: an empty request is well-formed, and accepted."""
    config = _of(tmp_path, "prometheus.yml", "global: {}")
    with start.prometheus(config, tmp_path) as prometheus:
        request = urllib.request.Request(
            f"{prometheus.url}/api/v1/otlp/v1/metrics", b"", {"Content-Type": "application/x-protobuf"}
        )
        with urllib.request.urlopen(request, timeout=5) as response:
            assert response.status == 200
