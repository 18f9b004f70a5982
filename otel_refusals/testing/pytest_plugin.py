"""The pytest plugin: fixtures `refusals`, `refusal_stub`, `inject_refusal`, and the marker `refusals`.

    @pytest.mark.refusals(vendor="anthropic")
    def test_a_refused_summary_is_told(refusal_scenario):
        assert application.summary("...").declined

runs once per way of being refused. The law of this module: pytest imports it at every start of every suite, so it
imports nothing until a test asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from otel_refusals.testing import Injection, RefusalRecorder, Scenario, StubServer

_SCENARIO = "refusal_scenario"
_MARKER = (
    "refusals(vendor, ways=None, model='*', others='block'): run the test once per way of being refused by the vendor "
    "(a name, or several), or only for the `ways` that are named; the fixture `refusal_scenario` tells which"
)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", _MARKER)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each vendor and way that the marker asks for."""
    marker = metafunc.definition.get_closest_marker("refusals")
    if marker is None:
        return
    from otel_refusals.testing import ScenarioError

    try:
        cases = _cases(*marker.args, **marker.kwargs)
    except (ScenarioError, TypeError) as error:
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: the marker refusals: {error}") from None
    if _SCENARIO not in metafunc.fixturenames:
        metafunc.fixturenames.append(_SCENARIO)
    metafunc.parametrize(_SCENARIO, list(cases.values()), ids=list(cases), indirect=True)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Have the scenario played although the test does not ask for it, and before other fixtures make their clients."""
    if item.get_closest_marker("refusals") is not None and isinstance(item, pytest.Function):
        item.fixturenames[:] = [_SCENARIO, *(name for name in item.fixturenames if name != _SCENARIO)]


def _cases(
    vendor: str | tuple[str, ...] | list[str],
    ways: tuple[str, ...] | list[str] | None = None,
    model: str = "*",
    others: Any = "block",
) -> dict[str, Callable[[], Injection]]:
    """The injections to run with, by the names of the tests."""
    from otel_refusals.testing import ScenarioError, inject, ways_of

    vendors = [vendor] if isinstance(vendor, str) else list(vendor)
    found: dict[str, Callable[[], Injection]] = {}
    for name in vendors:
        possible = ways_of(name)
        for way in possible if ways is None else ways:
            if way not in possible:
                raise ScenarioError(f"{way!r} is no way of being refused by {name}: {', '.join(possible)}")
            scenario = possible[way]
            inject(name, scenario, model=model, others=others)  # what cannot be is told when tests are collected
            found[way if len(vendors) == 1 else f"{name}-{way}"] = lambda name=name, scenario=scenario: inject(  # type: ignore[misc]
                name, scenario, model=model, others=others
            )
    return found


@pytest.fixture
def refusal_scenario(request: pytest.FixtureRequest) -> Iterator[Scenario]:
    """The scenario that is played to the calls of this run; of a test with the marker `refusals`.

    A run in which no call was made tested nothing, and fails.
    """
    make: Callable[[], Injection] | None = getattr(request, "param", None)
    if make is None:
        pytest.fail("refusal_scenario is for tests with @pytest.mark.refusals(vendor=...)", pytrace=False)
    failed_before = request.session.testsfailed
    with make() as injection:
        assert injection.scenario is not None
        yield injection.scenario
    if not injection.requests and request.session.testsfailed == failed_before:
        pytest.fail(f"no call went through the SDK {injection.vendor}, so no refusal was met", pytrace=False)


@pytest.fixture
def refusals() -> Iterator[RefusalRecorder]:
    """What is reported while the test runs, with every vendor instrumented."""
    from otel_refusals.testing import RefusalRecorder

    with RefusalRecorder() as recorder:
        yield recorder


@pytest.fixture
def refusal_stub() -> Iterator[StubServer]:
    """A vendor on loopback: `queue(...)` scenarios, or name one in the model or the header of a request."""
    from otel_refusals.testing import StubServer

    with StubServer() as stub:
        yield stub


@pytest.fixture
def inject_refusal() -> Iterator[Callable[..., Injection]]:
    """`inject(...)` that begins at once and lasts until the test ends."""
    from otel_refusals.testing import inject

    with ExitStack() as stack:
        yield lambda *args, **kwargs: stack.enter_context(inject(*args, **kwargs))
