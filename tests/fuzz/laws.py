"""What every reader and every decoder must do with whatever a server sends."""

from __future__ import annotations

from collections.abc import Iterable
from gc import get_referents
from sys import getsizeof
from time import thread_time
from types import FunctionType, ModuleType
from typing import Any, get_args

from otel_refusals.outcome import (
    CATEGORIES,
    Completed,
    Errored,
    Incomplete,
    Outcome,
    Paused,
    Refusal,
    Refused,
    Rescued,
    Source,
    Stage,
    ToolCall,
    Truncated,
    Unknown,
)
from otel_refusals.reader import MAX_NUMBER, MAX_TEXT, MAX_TRACKED, Reader
from otel_refusals.vendor import ReaderType
from otel_refusals.vendors import VENDORS

LOOKS = {end.reader: end.plain for vendor in VENDORS for end in vendor.endpoints if end.plain is not None}

SLOW = 0.5
"""Seconds of CPU that a hundred wire objects of some kilobytes may take at most: a thousand times what they do take."""

_MOST_TOKENS = MAX_NUMBER * 8
"""The sum of a few counts."""


def folded(make: ReaderType, wires: Iterable[Any]) -> Reader:
    """A reader that has read `wires`, with the laws checked on the way."""
    wires = list(wires)
    started = thread_time()
    reader = make()
    for wire in wires:
        assert isinstance(make.reads(wire), bool)
        assert isinstance(reader.glance(wire), bool)
        reader.feed(wire)
        assert isinstance(reader.skip, frozenset)
        assert isinstance(reader.decided, bool)
    legal(reader)
    told = LOOKS[make](wires[0]) if make in LOOKS and len(wires) == 1 else None
    assert told is None or told == reader.outcome(), f"one look says {told}, the reader {reader.outcome()}"
    took = thread_time() - started
    assert took < SLOW * max(1, len(wires) / 100), f"{make.__name__} took {took:.2f} s for {len(wires)} wire objects"
    return reader


def legal(reader: Reader) -> None:
    """What a reader says is of the types and within the bounds that the rest relies on."""
    outcome = reader.outcome()
    assert outcome == reader.outcome(), "asking twice gives two answers"
    for name in ("response_id", "response_model"):
        value = getattr(reader, name)
        assert value is None or short(value), f"{name} is {value!r:.300}"
    reasons = reader.finish_reasons
    assert isinstance(reasons, tuple)
    assert len(reasons) <= MAX_TRACKED
    assert all(map(short, reasons)), f"finish reasons {reasons!r:.300}"
    if outcome is not None:
        legal_outcome(outcome)


def legal_outcome(outcome: Outcome) -> None:
    """An outcome whose parts are of their types and bounded."""
    match outcome:
        case Completed() | Truncated() | ToolCall() | Paused() | Unknown():
            assert short(outcome.signal), f"signal {outcome.signal!r:.300}"
        case Errored():
            assert short(outcome.error_type), f"error type {outcome.error_type!r:.300}"
        case Refused() | Rescued():
            assert 0 < len(outcome.refusals) <= MAX_TRACKED + 1, len(outcome.refusals)
            for refusal in outcome.refusals:
                _legal_refusal(refusal)
            for tokens in (outcome.discarded_input_tokens, outcome.discarded_output_tokens):
                assert tokens is None or (type(tokens) is int and 0 <= tokens <= _MOST_TOKENS), tokens
            if isinstance(outcome, Rescued):
                assert outcome.rescued_by is None or short(outcome.rescued_by)
                assert short(outcome.signal), f"signal {outcome.signal!r:.300}"
        case Incomplete():
            pass
        case _:
            raise AssertionError(f"{outcome!r} is no outcome")


def _legal_refusal(refusal: Refusal) -> None:
    assert refusal.category in CATEGORIES
    assert refusal.stage in get_args(Stage)
    assert refusal.source in get_args(Source)
    assert short(refusal.signal), f"signal {refusal.signal!r:.300}"
    assert len(refusal.raw_categories) <= MAX_TRACKED
    assert all(map(short, (*refusal.raw_categories, *refusal.confidential))), refusal.raw_categories
    assert refusal.explanation is None or short(refusal.explanation), f"{len(refusal.explanation or '')} characters"


def short(value: object) -> bool:
    """Whether `value` is a string that every exporter can send, and no longer than the vendors' words are kept."""
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def size_of(value: object) -> int:
    """Bytes of `value` and of all that it alone leads to; classes, functions and modules are everybody's."""
    seen: set[int] = set()
    todo, size = [value], 0
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, (type, ModuleType, FunctionType)):
            continue
        seen.add(id(one))
        size += getsizeof(one)
        todo += get_referents(one)
    return size
