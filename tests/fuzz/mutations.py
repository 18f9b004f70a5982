"""What a hostile or broken server makes of a wire: its objects, its bytes, and the pieces in which these arrive.

The law of this module: every choice comes from the `Random` that is handed in, so a seed says it all.
"""

from __future__ import annotations

import json
from collections import UserDict
from collections.abc import Callable, Iterator
from copy import deepcopy
from decimal import Decimal
from functools import cache
from marshal import dumps, loads
from random import Random
from types import SimpleNamespace
from typing import Any

from pydantic import BaseModel, ConfigDict

from otel_refusals.testing.event_stream import message
from tests.fixtures import FIXTURES, Fixture

DEEP = 10_000
"""Levels of nesting: more than any JSON parser of Python goes down."""


_PYTHONS_OWN = ("__deepcopy__", "__reduce_ex__", "__getstate__")


class Raising:
    """An object of which every attribute raises, but those that Python itself asks for."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name) if name in _PYTHONS_OWN else ValueError(name)


class Opaque:
    """One that has no attribute at all, as an instance of an extension type has."""

    __slots__ = ()


class Model(BaseModel):
    """A model as the SDKs have them: it keeps what it does not know."""

    model_config = ConfigDict(extra="allow")


def nested(levels: int, *, lists: bool = False) -> Any:
    """JSON that is `levels` deep."""
    value: Any = "end"
    for _ in range(levels):
        value = [value] if lists else {"error": value, "type": "message"}
    return value


_JSON_VALUES: tuple[Callable[[Random], Any], ...] = (
    *(
        lambda _, value=value: value
        for value in (None, True, False, 0, 1, -1, -0.0, 0.5, 1e308, "", " ", "\0", "_OTHER")
    ),
    *(lambda _, value=value: value for value in (2**31, 2**40, 2**53 + 1, 2**63, 2**64, 10**400)),
    *(lambda _, value=value: value for value in (float("inf"), float("-inf"), float("nan"))),
    *(
        lambda _, value=value: value
        for value in ("\ud800", "\udfff\ud800", "\ufeff", "\u2028", "\x85", "é\U0001f600", "DROP TABLE")
    ),
    lambda random: "a" * random.choice((63, 64, 65, 256, 257, 5000)),
    lambda random: f"novel_{random.getrandbits(64):x}",
    lambda random: str(random.getrandbits(40)),
    lambda random: random.choice(words()),
    lambda random: random.choice(words()).upper(),
    lambda random: random.choice(words()) + random.choice("\0\n\ud800 ,;=é"),
    lambda random: [random.choice(words())] * random.randrange(4),
    lambda random: {random.choice(words()): random.choice(words())},
    lambda _: [],
    lambda _: {},
    lambda _: [None, [], [[]]],
    lambda random: nested(random.randrange(60), lists=random.random() < 0.5),
    lambda random: loads(random.choice(subtrees())),
)

_OBJECTS: tuple[Callable[[Random], Any], ...] = (
    lambda _: Raising(),
    lambda _: Opaque(),
    lambda _: object(),
    lambda _: b"\xff\xfe",
    lambda _: bytearray(b"refusal"),
    lambda _: {"refusal", "stop"},
    lambda _: ("refusal", "stop"),
    lambda _: Decimal("NaN"),
    lambda _: iter(()),
    lambda _: Model,
    lambda _: len,
    lambda _: UserDict({"type": "refusal"}),
    lambda random: Model.model_construct(type=random.choice(words()), error=Raising(), content=7),
)


def words() -> list[str]:
    """Every name and every short string of the fixtures, so that the words of one vendor turn up at another."""
    if not _words:
        _words.extend(sorted({text for wire in _all_wires() for text in _strings(wire) if 0 < len(text) <= 64}))
    return _words


def subtrees() -> list[bytes]:
    """Objects and lists out of the fixtures, marshalled: the fastest way to copy JSON."""
    if not _subtrees:
        inner = (value for wire in _all_wires() for _, _, value in places_in(wire))
        _subtrees.extend(dumps(value) for value in inner if isinstance(value, (dict, list)))
    return _subtrees


_words: list[str] = []
_subtrees: list[bytes] = []


@cache
def _marshalled(found: Fixture) -> bytes:
    return dumps(found.wires)


def fresh(found: Fixture) -> list[Any]:
    """The wire objects of a fixture, to do with as one likes."""
    wires: list[Any] = loads(_marshalled(found))
    return wires


def _all_wires() -> Iterator[Any]:
    return (wire for found in FIXTURES for wire in fresh(found))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield key
        yield from _strings(inner)
    for inner in value if isinstance(value, list) else ():
        yield from _strings(inner)


def places_in(value: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Every place inside: what holds it, under which key, and the value there."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(entries):
        yield value, key, inner
        yield from places_in(inner)


def mutated(random: Random, found: Fixture, *, objects: bool = False) -> list[Any]:
    """The wires of a fixture with a few things wrong.

    Args:
        random: Decides all.
        found: Whose wires.
        objects: Whether values may also be what no JSON holds, as in an SDK's models.
    """
    wires = fresh(found)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6, 20))):
        if random.random() < 0.25:
            wires = _sequence_changed(random, wires)
        elif wires:
            at = random.randrange(len(wires))
            wires[at] = _changed(random, wires[at], objects=objects)
    if wires and random.random() < 0.01:  # the last thing, as nothing that walks the wires could go so deep
        places = list(places_in(wires))
        holder, key, _ = random.choice(places)
        holder[key] = random.choice(_depths())
    elif objects and wires and random.random() < 0.5:
        at = random.randrange(len(wires))
        wires[at] = _as_object(wires[at], random.choice((SimpleNamespace, Model.model_construct)))
    return wires


@cache
def _depths() -> tuple[Any, Any]:
    return nested(DEEP), nested(DEEP, lists=True)


def value(random: Random, *, objects: bool = False) -> Any:
    """Anything."""
    return random.choice(_OBJECTS if objects and random.random() < 0.4 else _JSON_VALUES)(random)


def _sequence_changed(random: Random, wires: list[Any]) -> list[Any]:
    if not wires:
        return [value(random)]
    at, other = random.randrange(len(wires)), random.randrange(len(wires))
    match random.randrange(8) if len(wires) < _MANY else 3:
        case 0:
            del wires[at]
        case 1:
            wires.insert(other, deepcopy(wires[at]))
        case 2:
            wires[at], wires[other] = wires[other], wires[at]
        case 3:
            del wires[at:]
        case 4:
            wires[other:other] = fresh(random.choice(FIXTURES))
        case 5:
            wires.insert(at, value(random))
        case 6:
            wires[at:at] = [deepcopy(wires[at]) for _ in range(random.choice((2, 10, 300)))]
        case _:
            random.shuffle(wires)
    return wires


_MANY = 5000
"""Places in a wire, beyond which nothing is doubled any more: else a few copies of copies fill the memory."""


def _changed(random: Random, wire: Any, *, objects: bool) -> Any:
    places = list(places_in(wire))
    if not places or random.random() < 0.02:
        return value(random, objects=objects)
    holder, key, inner = random.choice(places)
    match random.randrange(10) if len(places) < _MANY else 0:
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[random.choice(words())] = holder.pop(key)
        case 2 if isinstance(holder, dict):
            holder[random.choice(words())] = value(random, objects=objects)
        case 3 if isinstance(holder, list):
            holder.extend(deepcopy(inner) for _ in range(random.choice((1, 3, 200))))
        case 4:
            holder[key] = [inner]
        case 5:
            holder[key] = {random.choice(words()): inner}
        case 6:
            holder[key] = deepcopy(random.choice(places)[2])
        case _:
            holder[key] = value(random, objects=objects)
    return wire


def _as_object(wire: Any, make: Callable[..., Any]) -> Any:
    """`wire` as an SDK shows it: objects with attributes, built without a look at the types of what is in them."""
    if isinstance(wire, dict):
        made = {name: _as_object(inner, make) for name, inner in wire.items() if isinstance(name, str)}
        try:
            return make(**made)
        except TypeError:  # a name that is the constructor's own
            return wire
    return [_as_object(inner, make) for inner in wire] if isinstance(wire, list) and len(wire) < 50 else wire


def encoded(random: Random, wires: list[Any], *, form: str) -> bytes:
    """`wires` as a body of content type `form`, in one of the many ways to write them, and then perhaps not quite."""
    if form == "text/event-stream":
        end = random.choice(("\n", "\n", "\r\n", "\r"))
        lines = [line for wire in wires for line in _event(random, wire)]
        ends = [random.choice(("\n", "\r\n", "\r")) if random.random() < 0.01 else end for _ in lines]
        written = "".join(line + ending for line, ending in zip(lines, ends, strict=True))
    else:
        written = "\n".join(
            dumped(random, wire) for wire in (wires[:1] or [None] if form == "application/json" else wires)
        )
    body = written.encode("utf-8", "surrogatepass")
    return broken(random, body) if random.random() < 0.5 else body


def dumped(random: Random, wire: Any) -> str:
    """One wire object as JSON; one that is too deep as brackets without end."""
    try:
        return json.dumps(wire, ensure_ascii=random.random() < 0.5)
    except (RecursionError, ValueError):
        return "[" * DEEP


def _event(random: Random, wire: Any) -> Iterator[str]:
    name = wire.get("type") if isinstance(wire, dict) else None
    if random.random() < 0.05:
        yield random.choice((": comment", "id: 7", "retry: 1", "data", "event", ":", "x: y", "data:", "\ufeff"))
    if isinstance(name, str) and "\n" not in name and random.random() < 0.9:
        yield f"event: {name}"
    data = dumped(random, wire)
    if random.random() < 0.03 and ", " in data:
        yield from ("data: " + part for part in data.replace(", ", ",\n").split("\n"))
    else:
        yield "data: " + data
    yield ""


def framed(random: Random, wire: dict[str, Any]) -> bytes:
    """One frame of AWS around an event, or around what is none."""
    name = next(iter(wire), "")[:200].encode("utf-8", "replace").decode()
    kind = random.choice((":event-type", ":event-type", ":exception-type", ":error-code", "x"))
    return message(
        {kind: name, ":error-message": "prose"}, dumped(random, wire.get(name)).encode("utf-8", "surrogatepass")
    )


def broken(random: Random, body: bytes) -> bytes:
    """`body` with some of its bytes lost, doubled, flipped or foreign."""
    data = bytearray(body)
    for _ in range(random.choice((1, 1, 2, 5))):
        at = random.randrange(len(data) + 1)
        match random.randrange(6):
            case 0:
                del data[at:]
            case 1:
                del data[at : at + random.randrange(1, 40)]
            case 2:
                data[at:at] = data[at : at + random.randrange(200)]
            case 3 if at < len(data):
                data[at] ^= 1 << random.randrange(8)
            case 4:
                data[at:at] = random.choice(
                    (b"\0", b"\xff", b"\xef\xbb\xbf", b"\r", b"\n", b"\r\n\r\n", b"\xc3", b"\xe2\x80\xa8")
                )
            case _:
                data[at:at] = random.choice(
                    (b"9" * 5000, b"[" * DEEP, b'{"a":' * DEEP, b"1e999", b"NaN", b"data: [DONE]\n\n")
                )
    return bytes(data)


def split(random: Random, body: bytes) -> list[bytes]:
    """`body` in pieces, also in the middle of a line end or of a character."""
    match random.randrange(4):
        case 0:
            return [body]
        case 1 if len(body) < 3000:
            return [body[at : at + 1] for at in range(len(body))]
        case _:
            cuts = sorted(random.randrange(len(body) + 1) for _ in range(random.randrange(8)))
            return [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
