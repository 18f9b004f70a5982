"""`otel-refusals observe` and `traffic`: the commands themselves, as a person starts and stops them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import yaml

from otel_refusals.bundle import observe
from otel_refusals.bundle.webhook import Alert, webhook
from otel_refusals.testing.otlp import OtlpReceiver
from tests.bundle.servers import free_port, path_of, until
from tests.bundle.stack import HOST, Alerts, Prometheus, get, rule_files

COMMAND = Path(sysconfig.get_path("scripts")) / "otel-refusals"


class Command:
    """A command that runs, and what it has printed."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.log = log

    @property
    def said(self) -> str:
        """All that it has printed."""
        return self.log.read_text()

    def wait_for(self, pattern: str) -> str:
        """The first match of `pattern` in what it prints."""
        until(lambda: re.search(pattern, self.said) or self.process.poll() is not None, f"{pattern} in its output")
        found = re.search(pattern, self.said)
        assert found, f"it ended with {self.process.returncode}: {self.said}"
        return found[0]

    @property
    def children(self) -> dict[str, int]:
        """Its child processes, by the name of their program."""
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {Path(Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]).name: int(pid) for pid in pids}

    def stop(self, number: signal.Signals) -> None:
        """Send the signal; return when it has ended."""
        self.process.send_signal(number)
        self.process.wait(30)


@contextmanager
def started(home: Path, *arguments: str, **environment: str) -> Iterator[Command]:
    """The command `otel-refusals`, with its output in a file of `home`."""
    log = home / "output"
    with log.open("w") as output:
        process = subprocess.Popen(
            [COMMAND, *arguments],
            env={**os.environ, "TMPDIR": str(home), **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    with process:
        try:
            yield Command(process, log)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()


@pytest.fixture
def path(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A PATH on which there are these servers, by the names that distributions give them, and nothing else."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "prometheus").symlink_to(path_of(getattr(request, "param", "prometheus")))
    (programs / "prometheus-alertmanager").symlink_to(path_of("alertmanager"))
    return str(programs)


def ended(pid: int) -> bool:
    """Whether there is no process of that number."""
    return not Path(f"/proc/{pid}").exists()


@pytest.mark.needs("prometheus", "prometheus-2.42", "alertmanager")
@pytest.mark.parametrize("path", ["prometheus", "prometheus-2.42"], indirect=True)
def test_observe_from_start_to_ctrl_c(path: str, tmp_path: Path) -> None:
    """The demo's data arrives, all rules are loaded, the first page is printed; then nothing is left, nowhere."""
    with started(tmp_path, "observe", PATH=path) as command:
        url = command.wait_for(r"http://127\.0\.0\.1:\d+(?=/alerts)")
        store = Prometheus(url)
        until(lambda: store.value('sum(refusal_client_operations_total{refusal_outcome="refused"})') > 0, "refusals")
        command.wait_for("firing +critical +LLMUnknownStopReason +.*policy_hold")
        groups = get(f"{url}/api/v1/rules")["data"]["groups"]
        children = command.children
        command.stop(signal.SIGINT)

    assert {group["name"] for path in rule_files() for group in yaml.safe_load(path.read_text())["groups"]} == {
        group["name"] for group in groups
    }
    assert all(rule["health"] in {"ok", "unknown"} for group in groups for rule in group["rules"])
    assert command.process.returncode == 0
    assert command.said.endswith("Stopped; nothing is left running.\n")
    assert 3 == len(children)
    assert all(ended(pid) for pid in children.values())
    assert not list(tmp_path.glob("otel-refusals-*"))


@pytest.mark.needs("prometheus", "alertmanager")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_observe_is_stopped_while_it_comes_up(number: signal.Signals, path: str, tmp_path: Path) -> None:
    """By whatever ends a program; the processes that were started end as well."""
    with started(tmp_path, "observe", PATH=path) as command:
        until(lambda: "prometheus-alertmanager" in command.children, "the first server")
        children = command.children
        command.stop(number)

    assert command.process.returncode == 0
    assert all(ended(pid) for pid in children.values())
    assert not list(tmp_path.glob("otel-refusals-*"))


@pytest.mark.needs("prometheus", "alertmanager")
def test_observe_says_which_server_has_ended(path: str, tmp_path: Path) -> None:
    """With its last words; the others are ended."""
    with started(tmp_path, "observe", PATH=path) as command:
        command.wait_for("Ctrl-C stops everything")
        children = command.children
        os.kill(children["prometheus"], signal.SIGTERM)
        command.process.wait(30)

    assert command.process.returncode == 1
    assert "prometheus has ended. Its last words:" in command.said
    assert all(ended(pid) for pid in children.values())


def test_observe_without_servers_says_how_to_get_them(tmp_path: Path) -> None:
    """It names the missing ones and starts nothing."""
    nowhere = str(tmp_path / "nowhere")
    with started(tmp_path, "observe", PATH=nowhere, OTEL_REFUSALS_SERVERS=nowhere) as command:
        command.process.wait(30)

    assert command.process.returncode == 1
    assert "Prometheus and Alertmanager not found on the PATH" in command.said
    assert "apt install prometheus prometheus-alertmanager" in command.said


@pytest.mark.needs("prometheus", "alertmanager")
def test_observe_says_what_a_server_that_cannot_start_said(path: str, tmp_path: Path) -> None:
    """A program that ends at once is told with its words."""
    broken = Path(path) / "prometheus"
    broken.unlink()
    broken.write_text(f"#!{sys.executable}\nraise SystemExit('no licence')\n")
    broken.chmod(0o755)
    with started(tmp_path, "observe", PATH=path) as command:
        command.process.wait(30)

    assert command.process.returncode == 1
    assert "prometheus has ended. Its last words:\nno licence" in command.said


def test_a_port_that_is_taken_is_left_to_its_owner() -> None:
    """Another one is found; a free one is kept."""
    port = free_port()
    assert port == observe._port(port)
    with socket.create_server((HOST, port)):
        assert port != observe._port(port)


def test_traffic_fills_any_collector_until_it_is_stopped(tmp_path: Path) -> None:
    """All three signals arrive over OTLP; alerts that are posted to it are printed; SIGTERM ends it."""
    port = free_port()
    with OtlpReceiver() as store, started(tmp_path, "traffic", store.url, "--webhook", f"{HOST}:{port}") as command:
        command.wait_for("at work and exports to")
        post(f"http://{HOST}:{port}/", notification("firing", alertname="LLMRefusalRateHigh", severity="warning"))
        command.wait_for("firing +warning +LLMRefusalRateHigh +Too many")
        assert store.wait_for(lambda: bool(store.logs and store.spans), 30)
        assert store.wait_for(lambda: store.total("refusal.client.refusals") > 0, 30)
        children = command.children
        command.stop(signal.SIGTERM)

    assert command.process.returncode == 0
    assert all(ended(pid) for pid in children.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["127.0.0.1:4318"], "'127.0.0.1:4318' is no URL such as http://127.0.0.1:4318"),
        (["http://127.0.0.1:1", "--webhook", "9095"], "'9095' is no address such as 127.0.0.1:9095"),
        (["http://127.0.0.1:1", "--webhook", "127.0.0.1:99999"], "'127.0.0.1:99999' is no address"),
        (["http://127.0.0.1:1", "--webhook", "192.0.2.1:9095"], "Nothing can listen on 192.0.2.1:9095"),
    ],
)
def test_traffic_names_what_it_cannot_use(arguments: list[str], message: str) -> None:
    """A bad URL or address is told by its name, without a traceback."""
    done = subprocess.run([COMMAND, "traffic", *arguments], capture_output=True, text=True)

    assert done.returncode in {1, 2}
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def notification(status: str, **labels: str) -> bytes:
    """What Alertmanager posts, in short."""
    alert = {
        "status": status,
        "labels": labels,
        "annotations": {"summary": "Too many"},
        "startsAt": "2026-01-01T00:00:00Z",
    }
    return json.dumps({"version": "4", "status": status, "alerts": [alert]}).encode()


def post(url: str, body: bytes) -> int:
    """The status that a POST is answered with."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_the_webhook_takes_notifications_and_nothing_else() -> None:
    """Alerts come as objects; what is no notification is a 400, and disturbs nobody."""
    alerts = Alerts()
    with webhook(HOST, 0, alerts.take) as url:
        assert 200 == post(url, notification("firing", alertname="A"))
        for body in (b"", b"{}", b"[]", b'{"alerts": [1]}', b'{"alerts": [{"status": "firing"}]}'):
            assert 400 == post(url, body)
        assert 200 == post(url, notification("resolved", alertname="A"))

    assert [
        Alert(status, {"alertname": "A"}, {"summary": "Too many"}) for status in ("firing", "resolved")
    ] == alerts.told
