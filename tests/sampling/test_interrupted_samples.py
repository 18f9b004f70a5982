"""A sample that is interrupted, politely and otherwise, and goes on."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bundle.servers import until
from tests.sampling.asked import CountingEndpoint, arguments, finished, prompts_in, started, text_of

COUNT = 60


@pytest.fixture
def endpoint() -> Iterator[CountingEndpoint]:
    with CountingEndpoint() as vendor:
        yield vendor


def interrupted(endpoint: CountingEndpoint, args: list[str], by: signal.Signals) -> tuple[int, str]:
    """Run the command and send it the signal once it is in the middle of its work; its status and what it said."""
    process = started(args)
    before = len(endpoint.requests)
    until(lambda: len(endpoint.requests) >= before + 20 or process.poll() is not None, "requests")
    process.send_signal(by)
    status, _, said = finished(process)
    return status, said


def uninterrupted(endpoint: CountingEndpoint, prompts: Path, directory: Path) -> list[dict[str, Any]]:
    """What a sample in one go reports; its requests are forgotten."""
    status, report, said = finished(started(arguments(endpoint, prompts, "--out", str(directory / "in-one-go"))))
    assert status == 0, said
    endpoint.clear()
    return report["groups"]


def in_doubt(journal: Path) -> set[str]:
    """Ids that the journal says were sent, and of which it knows no more."""
    lines = [json.loads(line) for line in journal.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    sent = {line["asking"][0] for line in lines if "asking" in line}
    return sent - {line["answer"]["id"] for line in lines if "answer" in line}


def test_ctrl_c_loses_nothing_and_nothing_is_asked_twice(endpoint: CountingEndpoint, tmp_path: Path) -> None:
    """What was under way is awaited; the same command ends with the result of a run in one go."""
    prompts = prompts_in(tmp_path, COUNT)
    expected = uninterrupted(endpoint, prompts, tmp_path)
    args = arguments(endpoint, prompts)

    status, said = interrupted(endpoint, args, signal.SIGINT)

    assert status == 130
    assert "waiting for what was sent" in said
    assert "with the same command" in said
    assert 20 <= len(endpoint.requests) < COUNT
    assert in_doubt(Path(f"{prompts}.journal")) == set()

    status, report, said = finished(started(args))

    assert status == 0, said
    assert report["groups"] == expected
    assert set(endpoint.asked.values()) == {1}
    assert len(endpoint.asked) == COUNT


def test_a_kill_loses_no_answer_and_no_answer_is_asked_for_twice(endpoint: CountingEndpoint, tmp_path: Path) -> None:
    """Only what was under way at that moment is asked again, and the report says how many that were."""
    prompts = prompts_in(tmp_path, COUNT)
    expected = uninterrupted(endpoint, prompts, tmp_path)
    args = arguments(endpoint, prompts)

    status, _ = interrupted(endpoint, args, signal.SIGKILL)
    doubtful = in_doubt(Path(f"{prompts}.journal"))
    assert status == -signal.SIGKILL
    assert 0 < len(doubtful) <= 8

    status, report, said = finished(started(args))

    assert status == 0, said
    assert report["groups"] == expected
    assert f"{len(doubtful)} requests had been sent when an earlier run was killed" in report["notes"][0]
    twice = {text for (text, _), count in endpoint.asked.items() if count > 1}
    assert twice <= {text_of(int(name[1:])) for name in doubtful}
    assert max(endpoint.asked.values()) <= 2


def test_after_a_kill_what_is_in_doubt_can_be_left_out(endpoint: CountingEndpoint, tmp_path: Path) -> None:
    """Then no prompt is asked twice, whatever happened to it."""
    prompts = prompts_in(tmp_path, COUNT)
    args = arguments(endpoint, prompts, "--in-doubt", "leave")

    interrupted(endpoint, args, signal.SIGKILL)
    doubtful = in_doubt(Path(f"{prompts}.journal"))
    status, report, said = finished(started(args))

    assert status == 0, said
    assert set(endpoint.asked.values()) == {1}
    assert report["groups"][0]["answered"] == COUNT - len(doubtful)


def test_a_second_ctrl_c_does_not_wait(endpoint: CountingEndpoint, tmp_path: Path) -> None:
    """What was under way is in doubt then, and the command says so."""
    prompts = prompts_in(tmp_path, COUNT)
    endpoint.held.clear()
    process = started(arguments(endpoint, prompts, "--n", str(COUNT)))
    until(lambda: len(endpoint.requests) >= 8, "requests")
    process.send_signal(signal.SIGINT)
    assert process.stderr
    assert "waiting for what was sent" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    try:
        _, said = process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    finally:
        endpoint.held.set()

    assert process.returncode == 130
    assert "Stopped at once" in said
    assert len(in_doubt(Path(f"{prompts}.journal"))) == 8


def test_two_processes_do_not_share_a_journal(endpoint: CountingEndpoint, tmp_path: Path) -> None:
    """The second one is refused while the first one works."""
    prompts = prompts_in(tmp_path, COUNT)
    endpoint.held.clear()
    first = started(arguments(endpoint, prompts))
    until(lambda: len(endpoint.requests) >= 8, "requests")
    try:
        status, _, said = finished(started(arguments(endpoint, prompts)))
    finally:
        endpoint.held.set()

    assert status == 1
    assert "another process is asking with this journal" in said
    assert finished(first)[0] == 0
