"""Forks, greenlets, signals, the end of the process: one report per operation, nobody waits for ever, no noise."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks.stress.wires import NAME, answer, loopback
from otel_refusals.testing import Reply, Request, StubServer

REPOSITORY = Path(__file__).parent.parent.parent


def start(situation: str, url: str = "") -> subprocess.Popen[str]:
    """A process in that situation."""
    command = [sys.executable, "-W", "error", "-m", "tests.stress.situations", situation, url]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def told(process: subprocess.Popen[str], *, quiet: bool = True) -> Any:
    """What it printed at last. It ends well, and says nothing else."""
    try:
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
    assert 0 == process.returncode, err
    assert not quiet or not err, err
    return json.loads(out[out.rindex("\n{") if "\n{" in out else 0 :])


@pytest.fixture
def silent() -> Iterator[StubServer]:
    """A vendor that answers, but to one question says nothing after the first events."""
    over = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield from answer("anthropic/stream_completed").pieces[:2]
        over.wait(300)

    def reply(request: Request) -> Reply:
        if request.headers[NAME] == "blocks":
            return Reply(pieces(), content_type="text/event-stream")
        return loopback(request)

    with StubServer(reply) as server:
        yield server
        over.set()


def test_a_forked_child_reports_its_own_calls_and_not_the_streams_it_inherits() -> None:
    """The parent reports those, each once, however the child treats its copies."""
    assert {"child": {"refused": 1}, "parent": {"refused": 1, "incomplete": 2}} == told(start("forked"))


def test_every_worker_of_a_preforking_server_counts_for_itself() -> None:
    """Instrumented once, before the fork, as gunicorn does it with an application that is preloaded, and its callback
    heard of a refusal before.
    """
    result = told(start("prefork"))

    assert {"refused": 1} == result["parent"]
    assert [{"refused": 11, "incomplete": 1, "heard": True}] * 3 == result["workers"]


@pytest.mark.skipif(find_spec("gevent") is None, reason="gevent is not installed")
def test_greenlets_of_a_patched_process_report_once_each(silent: StubServer) -> None:
    """Drained, timed out and killed."""
    assert {"refused": 21, "incomplete": 6} == told(start("gevent", silent.url), quiet=False)["outcomes"]


def test_an_interrupt_passes_through_and_leaves_an_incomplete_operation(silent: StubServer) -> None:
    """`KeyboardInterrupt` in the middle of a read."""
    process = start("interrupted", silent.url)
    assert process.stdout is not None
    assert "message_start" in process.stdout.readline()
    process.send_signal(signal.SIGINT)

    assert {"caught": "KeyboardInterrupt", "outcomes": {"incomplete": 1}} == told(process)


@pytest.mark.parametrize("when", ["", "late+"], ids=["providers first", "providers last"])
def test_streams_that_the_end_of_the_process_leaves_are_exported(when: str, silent: StubServer) -> None:
    """Whoever holds them, and whenever the providers were set; and the process ends in silence."""
    exported = told(start("left_at_exit", f"{when}{silent.url}"))
    (metric,) = (
        metric
        for resource in exported["resource_metrics"]
        for scope in resource["scope_metrics"]
        for metric in scope["metrics"]
        if metric["name"] == "refusal.client.operations"
    )
    counted = {point["attributes"]["refusal.outcome"]: point["value"] for point in metric["data"]["data_points"]}

    assert {"incomplete": 3} == {outcome: value for outcome, value in counted.items() if value}


def test_threads_that_end_in_the_middle_leave_incomplete_operations() -> None:
    """The frame that held the stream goes with the thread."""
    assert {"incomplete": 11} == told(start("cut_off"))["outcomes"]
