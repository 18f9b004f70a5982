"""What is fuzzed: each reader, each decoder, the sockets, and the calls of the real SDKs.

A target takes a `Random` and plays one case; it raises on a broken law.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from marshal import dumps, loads
from random import Random
from typing import Any

import otel_refusals
from otel_refusals.batch import read_batch
from otel_refusals.config import configure
from otel_refusals.frames import FrameDecoder
from otel_refusals.outcome import Outcome
from otel_refusals.reader import MAX_TRACKED
from otel_refusals.sockets import Sockets
from otel_refusals.telemetry import Telemetry
from otel_refusals.vendor import Endings, ReaderType
from otel_refusals.vendors import VENDORS
from otel_refusals.wire import MAX_BODY, Decoder, WireFormatError
from tests.fixtures import FIXTURES, Fixture
from tests.fuzz.calls import SDKS
from tests.fuzz.laws import folded, legal, legal_outcome, short, size_of
from tests.fuzz.mutations import broken, dumped, encoded, framed, fresh, mutated, places_in, split
from tests.fuzz.sdks import play

Target = Callable[[Random], None]

READERS: dict[str, ReaderType] = {
    f"{end.reader.__module__.rpartition('.')[2].lstrip('_')}.{end.reader.__name__}": end.reader
    for vendor in VENDORS
    for end in vendor.endpoints
}

_EXCEPTIONS = {
    name: type("APIStatusError", (Exception,), {"__module__": name})
    for name in (
        "anthropic",
        "openai",
        "google.genai.errors",
        "cohere.core.api_error",
        "mistralai.client.errors",
        "botocore.exceptions",
    )
}


@cache
def _seeds(make: ReaderType) -> tuple[Fixture, ...]:
    """The fixtures that a reader reads."""
    return tuple(found for found in FIXTURES if any(map(make.reads, found.wires))) or tuple(FIXTURES)


def _seed(random: Random, make: ReaderType) -> Fixture:
    return random.choice(FIXTURES if random.random() < 0.1 else _seeds(make))


def reader(make: ReaderType) -> Target:
    """Feed mutated wires to a reader, as JSON, as the SDKs' objects, and as the SDKs' exceptions."""

    def play(random: Random) -> None:
        wires = mutated(random, _seed(random, make), objects=random.random() < 0.4)
        if wires and random.random() < 0.15:
            wires[-1] = _exception(random, wires[-1])
        folded(make, wires)
        if random.random() < 0.2:
            _novelty(random, make)
        if random.random() < 0.005:
            _endless(random, make)

    return play


def _exception(random: Random, body: Any) -> Exception:
    error = random.choice(list(_EXCEPTIONS.values()))("prose" * random.choice((1, 1000)))
    for name in ("body", "message", "response", "code", "details", "status", "raw_response", "status_code"):
        if random.random() < 0.5:
            setattr(error, name, body if random.random() < 0.7 else "safety_violations=[hate]")
    return error


def _endless(random: Random, make: ReaderType) -> None:
    """A stream in which some value is never the same twice leaves no more in the reader than a short one."""
    wires = fresh(_seed(random, make))
    event = random.choice(wires)
    places = list(places_in(event))
    if not places:
        return
    holder, key, inner = random.choice(places)
    reader = make()
    for count in range(_LONG):
        if isinstance(inner, dict) and random.random() < 0.5:
            holder[key] = {f"novel_{count}": inner}
        elif isinstance(inner, list):
            holder[key] = [*inner, f"novel_{count}"]
        else:
            holder[key] = count if isinstance(inner, int) else f"novel_{count}"
        reader.feed(loads(dumps(event)))
    for wire in wires:
        reader.feed(wire)
    legal(reader)
    kept = size_of(reader)
    assert kept < _MOST_KEPT + 4 * size_of(wires), f"{make.__name__} keeps {kept} bytes"


_LONG = 2000
_MOST_KEPT = 100_000


@cache
def _endings(make: ReaderType) -> tuple[Endings, ...]:
    return tuple(
        told for vendor in VENDORS if any(end.reader is make for end in vendor.endpoints) for told in vendor.endings
    )


def _novelty(random: Random, make: ReaderType) -> None:
    """With every stop reason replaced by words that nobody knows, nothing is completed."""
    fields = {name.rpartition(".")[2] for told in _endings(make) for name in told.fields}
    found = random.choice(_seeds(make))
    before = make()
    for wire in fresh(found):
        before.feed(wire)
    outcome = before.outcome()
    if not isinstance(outcome, otel_refusals.Completed):
        return
    wires = fresh(found)
    if not _renamed(wires, fields, outcome.signal, f"novel_{random.getrandbits(40)}"):
        return
    told = folded(make, wires).outcome()
    assert not isinstance(told, otel_refusals.Completed), f"{found.path} is {told} with a new stop reason"


def _renamed(wire: Any, fields: set[str], signal: str, novel: str) -> int:
    """How many stop reasons in `wire` were replaced by `novel`."""
    if isinstance(wire, list):
        return sum(_renamed(inner, fields, signal, novel) for inner in wire)
    if not isinstance(wire, dict):
        return 0
    count = 0
    for name, inner in wire.items():
        if name in fields and inner == signal:
            wire[name], count = novel, count + 1
        else:
            count += _renamed(inner, fields, signal, novel)
    return count


def decoder(random: Random) -> None:
    """The same objects come out of a body however it is split, and no more is kept than the law says."""
    found = random.choice(FIXTURES)
    events = random.random() < 0.7
    content_type = "text/event-stream" if events else "application/json"
    body = encoded(random, mutated(random, found), form=content_type)
    whole, pieces = Decoder(content_type), Decoder(content_type)
    expected = [*whole.feed(body), *whole.end()]
    got = []
    for piece in split(random, body):
        got += pieces.feed(piece)
        assert len(pieces._buffer) + len(pieces._data) <= MAX_BODY
    got += pieces.end()
    assert _written(expected) == _written(got)


def frames(random: Random) -> None:
    """The same for the event streams of AWS."""
    wires = [wire for wire in mutated(random, random.choice(_FRAMED)) if isinstance(wire, dict)]
    body = b"".join(framed(random, wire) for wire in wires)
    body = broken(random, body) if random.random() < 0.7 else body
    whole, pieces = FrameDecoder(), FrameDecoder()
    expected = [*whole.feed(body), *whole.end()]
    got = [wire for piece in split(random, body) for wire in pieces.feed(piece)]
    assert _written(expected) == _written([*got, *pieces.end()])
    for make in READERS.values():
        folded(make, got)


class ForeignError(Exception):
    """What `outcome_of` says of something that no vendor sends."""


def _outcome_of(body: bytes) -> Outcome:
    try:
        return otel_refusals.outcome_of(body)
    except TypeError as error:
        if "no reader knows" in str(error) or "read_batch" in str(error):
            raise ForeignError from error
        raise


def text_and_bytes(random: Random) -> None:
    """`outcome_of` answers, or says that it cannot."""
    found = random.choice(FIXTURES)
    body = encoded(random, mutated(random, found), form=found.content_type)
    with suppress(WireFormatError, ForeignError):
        legal_outcome(_outcome_of(body))


def batch_lines(random: Random) -> None:
    """Each line of a batch is read, or named as the one that is none."""
    wires = mutated(random, random.choice(_BATCHES))
    lines = "\n".join(dumped(random, wire) for wire in wires).encode("utf-8", "surrogatepass")
    lines = broken(random, lines) if random.random() < 0.5 else lines
    with suppress(WireFormatError):
        for result in read_batch(lines):
            legal_outcome(result.outcome)
            assert result.custom_id is None or short(result.custom_id)


class Connection:
    """Anything that can be referred to weakly."""


def sockets(random: Random) -> None:
    """The messages of a WebSocket open and close operations, and a hostile number of them is not kept."""
    vendor, point = random.choice(_SOCKETS)
    seam = Sockets(vendor, _TELEMETRY, point)
    connection = Connection()
    for wire in mutated(random, random.choice(_SPOKEN)):
        kind = random.choice(("", "", "", "response.event", "decision.event"))
        spoken = {"type": kind, "event": wire, "delegation_id": str(random.random())} if kind else wire
        with suppress(ValueError, RecursionError):  # the parser's own, of a message that is no JSON
            seam.parse_event(json.loads, connection, (dumped(random, spoken),), {})
    assert len(seam._connections.get(connection, ())) <= MAX_TRACKED


def _written(wires: list[Any]) -> str:
    return json.dumps(wires)


_TELEMETRY = Telemetry(configure())

_FRAMED = [found for found in FIXTURES if found.framed]
_BATCHES = [found for found in FIXTURES if found.path.endswith(".jsonl") and not found.framed]
_SPOKEN = [found for found in FIXTURES if "responses_stream" in found.path or found.surface == "socket"]
_SOCKETS = [(vendor, point) for vendor in VENDORS for point in vendor.chokepoints if point.frame is not None]

TARGETS: dict[str, Target] = {
    **{name: reader(make) for name, make in sorted(READERS.items())},
    "wire.Decoder": decoder,
    "frames.FrameDecoder": frames,
    "outcome_of": text_and_bytes,
    "read_batch": batch_lines,
    "sockets": sockets,
    **{f"sdk.{sdk}": partial(play, sdk) for sdk in SDKS},
}
