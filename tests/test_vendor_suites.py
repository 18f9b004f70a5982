"""The command that runs the vendors' own suites: what it takes for broken, and what not."""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from benchmarks.vendor_suites.__main__ import chosen, judged
from benchmarks.vendor_suites.environment import REPOSITORY
from benchmarks.vendor_suites.instrumented import MODE, OUTCOMES, is_local
from benchmarks.vendor_suites.outcomes import Outcomes, broken, failures, lost, read
from benchmarks.vendor_suites.suites import SUITES


def _lines(*parts: tuple[str, str, str]) -> list[str]:
    return [json.dumps(dict(zip(("test", "outcome", "message"), part, strict=True))) for part in parts]


def test_a_test_that_any_part_of_failed_has_failed() -> None:
    """Set-up, test and what tidies up are told one by one; the first failure stands, and skipping at set-up skips."""
    lines = _lines(
        *[("a", "passed", "")] * 3,
        *[("b", "passed", ""), ("b", "failed", "AssertionError: 2"), ("b", "failed", "later")],
        *[("c", "skipped", ""), ("c", "passed", "")],
        ("d", "failed", ""),
    )

    assert {"a": "passed", "b": "AssertionError: 2", "c": "skipped", "d": "failed"} == read(lines)
    assert {"b", "d"} == failures(read(lines))


def test_what_passes_plain_and_then_not_is_lost() -> None:
    """Failed, skipped or gone; what fails plain is the vendor's affair."""
    plain = {"fine": "passed", "breaks": "passed", "skips": "passed", "goes": "passed", "offline": "ConnectError"}
    instrumented = {"fine": "passed", "breaks": "KeyError: 'x'", "skips": "skipped", "offline": "passed"}

    assert {"breaks", "skips", "goes"} == lost(plain, instrumented)


def test_only_what_fails_instrumented_twice_is_broken() -> None:
    """Suspects are run again: plain, and instrumented those that pass then."""
    asked = []

    def again(mode: str, tests: list[str]) -> Outcomes:
        asked.append((mode, tests))
        if mode == "plain":
            return {"breaks": "passed", "flaky": "passed", "fails_plain": "TimeoutError", "vanishes": "passed"}
        return {"breaks": "KeyError: 'x'", "flaky": "passed"}

    found = broken({"flaky", "breaks", "vanishes", "fails_plain"}, again, "sdk")

    assert {"breaks": "KeyError: 'x'", "vanishes": "did not run"} == found
    assert [
        ("plain", ["breaks", "fails_plain", "flaky", "vanishes"]),
        ("sdk", ["breaks", "flaky", "vanishes"]),
    ] == asked


def test_nothing_is_run_again_without_a_suspect() -> None:
    """Such a run would be of all tests."""
    assert {} == broken(set(), lambda mode, tests: pytest.fail(f"ran {tests} {mode}"), "api")


def test_an_exception_is_told_with_its_reason_and_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever its parameters; everything else is a fault."""
    found = {"tests/t.py::T::test_exact[a-b::c]": "AssertionError", "tests/t.py::test_other": "KeyError: 'x'"}

    assert {"tests/t.py::test_other": "KeyError: 'x'"} == judged(found, {"test_exact": "wants no annotation"})
    assert "by design: wants no annotation" in capsys.readouterr().out


def test_a_suite_is_chosen_by_its_sdk() -> None:
    """With a version or the newest; another name is an error that tells which there are."""
    suite, version = chosen("openai==1.40.0")
    assert ("openai", "1.40.0") == (suite.name, version)
    assert "" == chosen("anthropic")[1]
    with pytest.raises(ArgumentTypeError, match=f"'cohere'.*{SUITES[0].name}"):
        chosen("cohere")


@pytest.mark.parametrize(
    ("host", "local"),
    [
        *((host, True) for host in ("127.0.0.1", "::1", "localhost", b"localhost", None, "0.0.0.0")),
        *((host, False) for host in ("192.0.2.1", "2001:db8::1", "api.example", b"localhost.example")),
    ],
)
def test_what_is_on_this_machine(host: str | bytes | None, local: bool) -> None:
    """The loopback addresses and their name."""
    assert local == is_local(host)


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["one process", "pytest-xdist"])
def test_the_plugin_tells_how_each_test_of_a_suite_ended_and_keeps_it_here(tmp_path: Path, workers: list[str]) -> None:
    """A real run of pytest, as the command makes it: passed, failed, skipped, not to be collected, and cut off."""
    (tmp_path / "test_suite.py").write_text(
        "import socket, pytest\n"
        "def test_passes(): pass\n"
        "def test_fails(): raise KeyError('x')\n"
        "def test_skips(): pytest.skip('no')\n"
        "def test_leaves(): socket.create_connection(('192.0.2.1', 9), timeout=1)\n"
        "def test_asks(): socket.getaddrinfo('api.example', 443)\n"
    )
    (tmp_path / "test_broken.py").write_text("import not_there\n")
    told = tmp_path / "told.jsonl"
    options = ["-q", "--tb=native", "-p", "no:cacheprovider", "--continue-on-collection-errors", *workers]
    subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "vendor_suites.instrumented", *options],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY / "benchmarks"), MODE: "plain", OUTCOMES: str(told)},
        capture_output=True,
        check=False,
    )
    outcomes = {test.rpartition("::")[2]: outcome for test, outcome in read(told.read_text().splitlines()).items()}

    assert "KeyError: 'x'" == outcomes["test_fails"]
    assert ("passed", "skipped") == (outcomes["test_passes"], outcomes["test_skips"])
    assert "192.0.2.1 is not on this machine" in outcomes["test_leaves"]
    assert "api.example is not on this machine" in outcomes["test_asks"]
    assert "not_there" in outcomes["test_broken.py"]
    assert len(outcomes) == 6
