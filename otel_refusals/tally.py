"""Counts that wait until somebody collects them, so that a call pays for an increment and nothing else.

`Counter.add` costs its caller a third of what a span and a wrapper do: it looks for the series anew each time, and
takes a lock to add to it. What nobody must act on is counted here instead, once per label set, and added up when a
metric reader asks: its collection runs the callbacks of observable instruments before it reads any counter.

The law of this module: nothing is counted twice and nothing is lost, whichever thread counts, collects or ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from itertools import count
from threading import RLock
from weakref import ref

from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Counter, Meter, Observation
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from otel_refusals import names
from otel_refusals.failure import swallow
from otel_refusals.spans import NOWHERE

_ALL: list[Tallies] = []
_lock = RLock()
"""Held by who collects, never by a call."""


class Tally:
    """How often one label set was counted.

    Attributes:
        labels: The label set.
        add: Counts one more; atomic, so that no lock is in the way.
        known: Whether the counter has the series already. Without a zero first, its first one would be no increase.
        trace: The span of the first one since the last time that is part of a sampled trace: the exemplar.
    """

    __slots__ = ("_taken", "add", "known", "labels", "trace")

    def __init__(self, labels: Mapping[str, str]) -> None:
        self.labels = labels
        self.add = count().__next__
        self.known = False
        self.trace: SpanContext | None = None
        self._taken = 0

    def note(self, span: SpanContext) -> None:
        """Take the span for the exemplar's, if it is part of a sampled trace."""
        if span.trace_flags & TraceFlags.SAMPLED:
            self.trace = span

    def take(self) -> int:
        """How many came since the last time."""
        came = self.add() - self._taken
        self._taken += came + 1  # asking counted one more
        return came

    def exemplar(self) -> Context | None:
        """The context of `trace`; None where none came since the last time."""
        trace, self.trace = self.trace, None
        return None if trace is None else set_span_in_context(NonRecordingSpan(trace), NOWHERE)


class Tallies:
    """The tallies of one counter.

    Args:
        counter: What they are added to.
        owner: Who counts. Once it is gone, they are added a last time and forgotten.
    """

    def __init__(self, counter: Counter, owner: object) -> None:
        self._counter = counter
        self._owner = ref(owner)
        self._tallies: list[Tally] = []
        self._busy = False
        with _lock:
            for other in tuple(_ALL):  # what is left of owners that are gone, should nobody collect
                if other._owner() is None:
                    other.flush()
            _ALL.append(self)

    def new(self, labels: Mapping[str, str]) -> Tally:
        """A tally of `labels`, which the next collection finds, be it with a zero."""
        tally = Tally(labels)
        self._tallies.append(tally)
        return tally

    def flush(self) -> None:
        """Add what was counted to the counter."""
        with _lock:
            if self._busy:  # by a signal handler, in the midst of the collection that it interrupts
                return
            self._busy = True
            try:
                self._flush_all()
            finally:
                self._busy = False

    def _flush_all(self) -> None:
        gone = self._owner() is None
        for tally in tuple(self._tallies):
            try:
                self._flush(tally)
            except Exception as error:
                swallow(error, "Tallies.flush")
        if gone and self in _ALL:  # only now: whoever collects meanwhile waits for what is being added
            _ALL.remove(self)

    def _flush(self, tally: Tally) -> None:
        came, exemplar, known = tally.take(), tally.exemplar(), tally.known
        tally.known = True  # also of a counter that raises: it would with each collection
        traced = 1 if came and exemplar is not None else 0
        if came > traced or not known:
            self._counter.add(came - traced, tally.labels, NOWHERE)
        if traced:  # last: an exemplar filter of the application's that raises takes no more with it than this one
            self._counter.add(1, tally.labels, exemplar)

    def forget(self) -> None:
        """Count anew: what was counted before a fork belongs to the parent."""
        self._busy = False
        for tally in self._tallies:
            tally.take()
            tally.exemplar()


def flush_on_collection(meter: Meter) -> None:
    """Have every collection of the meter's metrics add up first. Of one meter, once is enough."""
    meter.create_observable_gauge(f"{names.SCOPE}.collection", [_flush])  # without a value, it is not exported


def flush() -> None:
    """Add up what was counted anywhere."""
    for tallies in tuple(_ALL):
        tallies.flush()


def _flush(_: CallbackOptions) -> Iterable[Observation]:
    flush()
    return ()


def _forget() -> None:
    global _lock  # noqa: PLW0603 -- whoever held it is not in this process
    _lock = RLock()
    for tallies in _ALL:
        tallies.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
