"""The garbage collector strikes anywhere, also in the middle of a report: one operation is reported inside another."""

from __future__ import annotations

import gc
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import anthropic
import pytest

from otel_refusals import origins
from otel_refusals.seen import Seen
from otel_refusals.testing import StubServer
from tests.drivers import ARGUMENTS
from tests.fixtures import fixture
from tests.telemetry import Recorded

REFUSED = fixture("anthropic/refusal_pre_output_cyber.json").reply
STREAM = fixture("anthropic/stream_refusal_mid_text.sse").reply


class Interrupted(OrderedDict[Any, Any]):
    """A dictionary whose first change meets the garbage collector."""

    def __init__(self, strike: Callable[[], object]) -> None:
        super().__init__()
        self._strikes = [strike]

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        if self._strikes:
            self._strikes.pop()()

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if self._strikes:
            self._strikes.pop()()
        return super().setdefault(key, default)


def ends(work: Callable[[], object]) -> bool:
    """Whether `work` does not wait for itself."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(20)
    return not thread.is_alive()


def test_a_refusal_may_be_reported_while_another_is_remembered(
    recorded: Recorded, claude: anthropic.Anthropic, vendor: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused stream is found by the collector while the origin of another refusal is put down."""
    vendor.queue(STREAM, REFUSED)
    stream = claude.messages.create(**ARGUMENTS["messages"], stream=True)
    while next(stream).type != "message_delta":
        pass
    cycle = [stream]
    cycle.append(cycle)  # type: ignore[arg-type]
    del stream, cycle
    monkeypatch.setattr(origins, "_by_id", Interrupted(gc.collect))

    assert ends(lambda: claude.messages.create(**ARGUMENTS["messages"]))
    assert {"refused": 2} == recorded.outcomes


def test_an_id_may_be_seen_while_another_is_noted() -> None:
    """By a report in the middle of a report; also of the same id, which the inner one then was first to see."""
    seen = Seen()
    firsts: list[bool] = []

    def strike() -> None:
        firsts.extend((seen.first("inner"), seen.first("outer")))

    seen._ids = Interrupted(strike)

    assert ends(lambda: firsts.append(seen.first("outer")))
    assert [True, True, False] == firsts
