"""Threads and tasks that leave their calls in every way, all at once: what is reported is what was made, exactly."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import anthropic._base_client as claude_core
import openai._base_client as gpt_core
import pytest

import otel_refusals
from benchmarks.stress.books import Books
from benchmarks.stress.crowd import Crowd
from benchmarks.stress.gauges import look
from benchmarks.stress.wires import loopback
from otel_refusals.testing import StubServer

CORES: tuple[Any, ...] = (claude_core.SyncAPIClient, claude_core.AsyncAPIClient, gpt_core.SyncAPIClient)


def eager() -> asyncio.AbstractEventLoop:
    """A loop whose tasks start where they are made."""
    loop = asyncio.new_event_loop()
    loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
    return loop


def uvloop() -> asyncio.AbstractEventLoop:
    """A loop of uvloop's."""
    import uvloop

    return uvloop.new_event_loop()  # type: ignore[no-any-return]


has_eager_tasks = pytest.mark.skipif(sys.version_info < (3, 12), reason="since Python 3.12")
has_uvloop = pytest.mark.skipif(find_spec("uvloop") is None, reason="not installed")
LOOPS = [
    pytest.param(asyncio.new_event_loop, id="asyncio"),
    pytest.param(eager, id="eager tasks", marks=has_eager_tasks),
    pytest.param(uvloop, id="uvloop", marks=has_uvloop),
]


@pytest.fixture
def books() -> Iterator[Books]:
    """Books that everything is reported to, and none of it after the test."""
    books = Books()
    books.instrument()
    yield books
    otel_refusals.uninstrument()


@pytest.fixture(autouse=True)
def _nothing_is_kept_by_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pytest keeps what a loop says of generators that it could not close, and with it the frames of their streams."""
    monkeypatch.setattr(logging.getLogger("asyncio"), "disabled", True)


@pytest.mark.parametrize("new_loop", LOOPS)
def test_every_operation_is_reported_once_and_as_it_ended(
    new_loop: Callable[[], asyncio.AbstractEventLoop], books: Books
) -> None:
    """Drained, broken off, closed, cancelled, dropped, cut, refused, rescued, failed: the sums are exact.

    On CPython 3.13 an SDK's decorator keeps the frame that it was used in, and what an earlier test has read there.
    """
    gc.collect()
    before = look(0, instrumented=True)
    with StubServer(loopback) as server:
        crowd = Crowd(40, 40, books.tracer_provider, server.url, new_loop=new_loop)
        crowd.round(4)
    left = look(crowd.operations, instrumented=True)

    assert [] == crowd.faults
    assert [] == books.differences(crowd.made)
    assert (before.open, 0, before.known) == (left.open, left.orphans, left.known)


def test_instrumenting_in_a_loop_while_calls_are_under_way_disturbs_nobody(books: Books) -> None:
    """No caller notices, nothing is reported twice, and in the end the originals are back."""
    otel_refusals.uninstrument()
    originals = [vars(core)["request"] for core in CORES]
    over = threading.Event()
    failed: list[BaseException] = []

    def toggle() -> None:
        try:
            while not over.wait(0.001):
                books.instrument()
                otel_refusals.uninstrument()
        except BaseException as error:
            failed.append(error)

    togglers = [threading.Thread(target=toggle) for _ in range(3)]
    for toggler in togglers:
        toggler.start()
    crowd = Crowd(20, 20, books.tracer_provider)
    crowd.round(8)
    over.set()
    for toggler in togglers:
        toggler.join()
    otel_refusals.uninstrument()
    gc.collect()
    look(0, instrumented=False)

    assert ([], []) == (crowd.faults, failed)
    more = {case: times - crowd.made[case] for case, times in books.operations.items() if times > crowd.made[case]}
    assert {} == more
    assert 0 < sum(books.operations.values())
    assert originals == [vars(core)["request"] for core in CORES]
