"""What tests measure is said at the end of the run: a bound that holds today is better known by how much it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

_FIGURE = "figure"


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes a sentence with a figure."""
    return lambda sentence: request.node.user_properties.append((_FIGURE, sentence))


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """The figures of the tests that passed, one a line."""
    yield
    passed = terminalreporter.stats.get("passed", ())
    if figures := sorted(value for report in passed for name, value in report.user_properties if name == _FIGURE):
        terminalreporter.section("FIGURES")
        for figure in figures:
            terminalreporter.line(str(figure))
