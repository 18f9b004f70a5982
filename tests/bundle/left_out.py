"""Tests that need a program which is not on this machine are left out, and the end of the run says so loudly.

`@pytest.mark.needs("promtool", "pint")` names the programs, by their names in `tests.bundle.servers`. Where CI is set
nothing is left out: the test fails, as there the programs are promised. Nor is anything else skipped there on the
newest SDKs, but what a newer Python has: a test that looks for a thing by its name would be skipped for good when an
SDK renames it.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.bundle.servers import server

_REASON = "needs what is not on this machine: "
_OF_PYTHON = "since Python 3."


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*programs): servers and tools of `.ci/servers` that the test runs.")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before any fixture: a fixture may start the server."""
    wanted = dict.fromkeys(name for mark in item.iter_markers("needs") for name in mark.args)
    missing = [name for name in wanted if server(name) is None]
    if missing and os.environ.get("CI"):
        pytest.fail(_REASON + ", ".join(missing), pytrace=False)
    if missing:
        pytest.skip(_REASON + ", ".join(missing))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """After all else: what was not run, by program, and a last line for who reads no more than that."""
    yield
    skipped = [report for report in terminalreporter.stats.get("skipped", ()) if _REASON in str(report.longrepr)]
    if not skipped:
        return
    tests: dict[str, list[str]] = defaultdict(list)
    for report in skipped:
        for program in _missing(report):
            tests[program].append(report.nodeid)
    terminalreporter.section("LEFT OUT", red=True, bold=True)
    for program, names in sorted(tests.items()):
        terminalreporter.line(f"{program} is not on this machine. Not run:", yellow=True)
        for name in sorted(names):
            terminalreporter.line(f"    {name}")
    last = f"LEFT OUT: {len(skipped)} tests, for want of {', '.join(sorted(tests))}; .ci/servers installs them."
    terminalreporter.line(last, red=True, bold=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In an environment of tox are older SDKs; Python 3.10 gets no newer ones."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("CI") or "TOX_ENV_NAME" in os.environ or sys.version_info < (3, 11):
        return
    reasons = [str(report.longrepr) for report in reporter.stats.get("skipped", ())]
    if unexpected := [reason for reason in reasons if _OF_PYTHON not in reason]:
        reporter.section("SKIPPED, ON THE NEWEST SDKS", red=True, bold=True)
        for reason in unexpected:
            reporter.line(reason, red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _missing(report: pytest.TestReport) -> list[str]:
    """The programs that the reason of a skip names."""
    return str(report.longrepr[2]).split(_REASON, 1)[1].split(", ") if isinstance(report.longrepr, tuple) else []
