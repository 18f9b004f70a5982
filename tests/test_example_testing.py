"""The example of `docs/testing.md`, in a pytest of its own that loads the plugin by its entry point."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from otel_refusals.cli import commands

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "testing"
WAYS = 8


def run(implementation: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The example's tests, of one implementation, without any key."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(EXAMPLE)]
    return subprocess.run(
        [*command, "-q", "--tb=short", "-rA", *arguments, str(EXAMPLE)],
        env={**environment, "SUMMARISE": implementation},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_silent_drop_fails_in_every_way_but_the_rescue() -> None:
    """A rescue is an answer; all else was taken for one."""
    ran = run("silent", "-k", "never_done")

    assert f"{WAYS - 1} failed, 1 passed" in ran.stdout, ran.stdout + ran.stderr
    assert "[rescued]" in next(line for line in ran.stdout.splitlines() if line.startswith("PASSED"))


def test_the_fixed_one_survives_the_matrix() -> None:
    """With the recorder, and with a second attempt."""
    ran = run("careful")

    assert f"{WAYS + 2} passed" in ran.stdout, ran.stdout + ran.stderr


def test_the_scan_finds_the_silent_drop_and_no_other() -> None:
    """Without running anything."""
    result = CliRunner().invoke(commands(), ["scan", str(EXAMPLE / "summaries.py")])
    source = (EXAMPLE / "summaries.py").read_text().splitlines()

    (line,) = re.findall(r"summaries.py:(\d+):\d+: unread-ending", result.output)
    assert "stream.text_stream" in source[int(line) - 1]


@pytest.mark.parametrize("told", ["SUMMARISE=careful", "inject(", "refusals(vendor="])
def test_the_page_shows_the_example(told: str) -> None:
    """What the page tells is in the example's files."""
    page = (ROOT / "docs" / "testing.md").read_text()
    code = "".join(path.read_text() for path in EXAMPLE.glob("*.py"))

    assert told in page
    assert told in code
