"""The law of the engine: whatever bytes arrive, an instrumented call gives and raises what the plain SDK does."""

from __future__ import annotations

import gc
import re
from functools import cache
from random import Random

from otel_refusals.labels import OTHER, is_label
from otel_refusals.leftovers import report_orphans
from otel_refusals.names import METRICS
from otel_refusals.reader import MAX_TEXT
from otel_refusals.testing import RefusalRecorder, Reply
from otel_refusals.testing.event_stream import CONTENT_TYPE as FRAMED
from otel_refusals.testing.transports import answering
from tests.fixtures import FIXTURES, Fixture
from tests.fuzz.calls import SDKS, Call
from tests.fuzz.mutations import broken, encoded, framed, mutated, split

_AT_ONCE = 10
"""Calls of one case: instrumenting for each alone would take longer than they do."""

_ADDRESS = re.compile(r"0x[0-9a-f]+")


@cache
def _answers(sdk: str) -> tuple[tuple[Fixture, tuple[tuple[str, Call], ...]], ...]:
    """The fixtures that answer calls of an SDK, with these."""
    found = ((one, tuple(SDKS[sdk](one))) for one in FIXTURES)
    return tuple((one, calls) for one, calls in found if calls)


def play(sdk: str, random: Random) -> None:
    """A few calls, plain and then instrumented, of answers that are broken alike."""
    calls = [_call(sdk, random) for _ in range(_AT_ONCE)]
    plain = [_told(call, reply) for _, call, reply in calls]
    with RefusalRecorder() as recorded:
        for (name, call, reply), expected in zip(calls, plain, strict=True):
            before = _reports(recorded)
            got = _told(call, reply)
            assert expected == got, f"{name}: {_difference(expected, got)}"
            if _reports(recorded) == before:
                gc.collect()
                report_orphans()
            assert _reports(recorded) == before + 1, f"{name}: {_reports(recorded) - before} reports"
        assert not recorded.points("refusal.instrumentation.errors")
        _bounded(recorded)


def _call(sdk: str, random: Random) -> tuple[str, Call, Reply]:
    found, calls = random.choice(_answers(sdk))
    name, call = random.choice(calls)
    return f"{found.path}, {name}", call, _reply(random, found)


def _reply(random: Random, found: Fixture) -> Reply:
    wires = mutated(random, found)
    if found.framed:
        body = b"".join(framed(random, wire) for wire in wires if isinstance(wire, dict))
        body = broken(random, body) if random.random() < 0.3 else body
        content_type = FRAMED
    else:
        body = encoded(random, wires, form=found.content_type)
        content_type = found.content_type
    if random.random() < 0.1:
        content_type = random.choice(("text/plain", "", "application/json", "text/event-stream", "\x7f"))
    status = found.status if random.random() < 0.9 else random.choice((200, 400, 403, 404, 422, 429, 500, 529))
    return Reply(split(random, body), status, content_type, cut=random.random() < 0.1)


def _told(call: Call, reply: Reply) -> list[str]:
    """All that the caller gets: each item, and the exception."""
    told: list[str] = []
    with answering(lambda _: reply):
        try:
            told.extend(_ADDRESS.sub("", repr(item)) for item in call())
        except Exception as error:
            told.append(_ADDRESS.sub("", f"{type(error).__module__}.{type(error).__qualname__}: {error}"))
    return told


def _difference(expected: list[str], got: list[str]) -> str:
    pairs = [(one, other) for one, other in zip(expected, got, strict=False) if one != other]
    one, other = pairs[0] if pairs else (str(len(expected)), str(len(got)))
    return f"plain {one[:300]!r}, instrumented {other[:300]!r}"


def _reports(recorded: RefusalRecorder) -> float:
    return sum(recorded.operations.values())


def _bounded(recorded: RefusalRecorder) -> None:
    """Everything that was reported can be exported, and no label is of a server's own making."""
    for metric in METRICS:
        for point in recorded.points(metric.name):
            assert all(value == OTHER or is_label(value) for value in point.attributes.values()), point.attributes
    for attributes in (*(span.attributes or {} for span in recorded.spans), *(told for _, told in recorded.events)):
        for name, value in attributes.items():
            for one in value if isinstance(value, (tuple, list)) else (value,):
                assert len(str(one).encode()) <= 4 * MAX_TEXT, name
                assert not isinstance(one, int) or abs(one) < 2**63, name
