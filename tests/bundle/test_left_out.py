"""What is said of tests that need a program which is not on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Three tests: two need what is not there."""
    suite = tmp_path / "test_inner.py"
    suite.write_text(
        "import pytest\n\n"
        "@pytest.fixture\ndef started():\n    raise AssertionError('started for a test that is left out')\n\n"
        "@pytest.mark.needs('promtool', 'pint')\ndef test_rules(started): ...\n\n"
        "@pytest.mark.needs('pint')\ndef test_lint(): ...\n\n"
        "def test_always(): ...\n",
    )
    return suite


def pytest_on(suite: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Pytest over that file alone, in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.bundle.left_out", *arguments, suite.name]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=suite.parent, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["one process", "distributed"])
def test_what_was_left_out_is_said_last_and_loudly(suite: Path, nothing_here: Path, arguments: tuple[str, ...]) -> None:
    """By program and by test, after everything else."""
    run = pytest_on(suite, *arguments)

    assert run.returncode == 0, run.stdout + run.stderr
    section = run.stdout[run.stdout.index("= LEFT OUT =") :].splitlines()[1:]
    assert section[:6] == [
        "pint is not on this machine. Not run:",
        "    test_inner.py::test_lint",
        "    test_inner.py::test_rules",
        "promtool is not on this machine. Not run:",
        "    test_inner.py::test_rules",
        "LEFT OUT: 2 tests, for want of pint, promtool; .ci/servers installs them.",
    ]


def test_in_ci_nothing_is_left_out(suite: Path, nothing_here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the programs are promised, so a missing one fails the run."""
    monkeypatch.setenv("CI", "true")
    run = pytest_on(suite)

    assert run.returncode == 1
    assert "1 passed, 2 errors" in run.stdout
    assert "needs what is not on this machine: promtool, pint" in run.stdout


@pytest.mark.skipif(sys.version_info < (3, 11), reason="since Python 3.11 there are the newest SDKs")
@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["one process", "distributed"])
def test_in_ci_nothing_is_skipped_on_the_newest_sdks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """What an SDK has renamed would never be tested again; what a newer Python has may be skipped."""
    monkeypatch.setenv("CI", "true")
    monkeypatch.delenv("TOX_ENV_NAME", raising=False)
    suite = tmp_path / "test_inner.py"
    suite.write_text(
        "import pytest\n\ndef test_eager():\n    pytest.skip('since Python 3.12')\n\ndef test_passes(): ...\n"
    )
    allowed = pytest_on(suite, *arguments)
    suite.write_text(f"{suite.read_text()}\n\ndef test_renamed():\n    pytest.skip('this SDK has none')\n")
    failed = pytest_on(suite, *arguments)
    monkeypatch.setenv("TOX_ENV_NAME", "lowest")

    assert (0, 1, 0) == (allowed.returncode, failed.returncode, pytest_on(suite, *arguments).returncode)
    assert "this SDK has none" in failed.stdout
