"""The page that tells what otel-refusals and the others cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from peers import PEERS

Run = Mapping[str, Any]
"""What `cost.py --json` wrote."""

ALONE, FLOOR, TEE, OBJECT_TEE, OURS, PEER = "plain", "floor", "generator tee", "class tee", "otel-refusals", "peer"

KINDS: tuple[tuple[str, str, float, int], ...] = (
    ("cost", "us of CPU", 1e3, 1),
    ("memory", "KiB, peak of one stream of 50,000 deltas", 1024, 0),
    ("scale cpu", "us of CPU per stream of 20 events", 1e3, 0),
    ("scale memory", "KiB per stream while all are open", 1024, 1),
    ("import", "ms of CPU", 1, 0),
)
"""Kinds of figures as `cost.py` names them, with what to print: the unit, its size, and digits after the point."""


def page(own: Run, peers: Mapping[str, Run]) -> str:
    """The page, in Markdown.

    Args:
        own: The run with no peer.
        peers: The runs with each of the others.
    """
    titles = [PEERS[name].title for name in peers]
    head = ["", "SDK alone", "floor", OURS, *titles]
    rows = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for kind, unit, size, digits in KINDS:
        for name, row in own.get(kind, {}).items():
            tap = name.startswith("tap")
            shown = partial(_shown, size=1 if tap else size, digits=0 if tap else digits)
            per = " per event" if tap or (kind == "cost" and name.endswith("stream")) else ""
            what = f"{name}: {'ns of CPU' if tap else unit}{per}"
            least = shown(row.get(FLOOR, row.get(TEE))) + (f" / {shown(row[OBJECT_TEE])}" if tap else "")
            cells = [what, shown(row.get(ALONE)), least, shown(row[OURS])]
            cells += [_beside(run.get(kind, {}).get(name, {}), shown) for run in peers.values()]
            rows.append("| " + " | ".join(cells) + " |")
    return TEXT.format(
        table="\n".join(rows),
        versions="\n".join(_versions(own, peers)),
        bounds="\n".join(_bounds(own)),
        pairs=own["pairs"],
        others=" or ".join(map(str, sorted({run["pairs"] for run in peers.values()}))) or "none",
        python=own["python"],
    )


def _shown(value: float | None, *, size: float, digits: int) -> str:
    return "" if value is None else f"{value / size:,.{digits}f}"


def _beside(row: Mapping[str, float], shown: Callable[[float | None], str]) -> str:
    """What the peer adds, and in brackets what otel-refusals adds in the same run."""
    return f"{shown(row[PEER])} ({shown(row[OURS])})" if PEER in row else ""


def _versions(own: Run, peers: Mapping[str, Run]) -> Iterator[str]:
    newest = own["versions"]
    yield f"- {OURS}: " + ", ".join(f"{name} {version}" for name, version in newest.items())
    for name, run in peers.items():
        of_peer = {name: version for name, version in run["versions"].items() if name not in newest}
        older = {name: version for name, version in run["versions"].items() if newest.get(name, version) != version}
        held = " and ".join(f"{name} {version}" for name, version in older.items())
        told = ", ".join(f"{name} {version}" for name, version in of_peer.items())
        yield f"- {PEERS[name].title}: {told}" + (f"; holds the SDKs at {held}" if held else "")


def _bounds(own: Run) -> Iterator[str]:
    yield "| promised | measured | |"
    yield "|---|---|---|"
    for verdict in own["verdicts"]:
        yield f"| {verdict['bound']} | {verdict['found']} | {'holds' if verdict['holds'] else '**does not hold**'} |"


TEXT = """\
# What it costs

This page is written by `make peers`, which installs each instrumentation in an environment of its own, with the newest
anthropic and openai SDKs that it allows, tests that it lives together with otel-refusals, and measures both.

The SDK alone is given in full; every other figure is what is added to it. The *floor* is the least that an
instrumentation with a span per call could do: one no-op `wrapt` wrapper, one span with six attributes and one
`Counter.add` per call; on streams, one generator that hands the events on (and, of the tap alone, an object). A
figure of another instrumentation is followed, in brackets, by what otel-refusals added in the same run: compare these
two. The times of different runs differ by the moment.

{table}

## What is promised

{bounds}

An interval is that of nine in ten resamplings. Within a stream, the SDK's own work of 15 to 150 microseconds per
event drowns what any tee adds, and a figure near zero, or below, is noise. So the tap is measured alone as well, over
events that are there already, beside two no-op tees: a generator, the cheapest there is, and an object, as anything
is that can be closed and iterated again. Of most events the tap costs about what they do. Only at a chat chunk it has
to look, six attributes deep, as nothing else tells whether it declines: a fifth of a microsecond, or a whole one
where the processor's caches are full of the SDK's work.

## How it was measured

CPython {python}, {pairs} interleaved rounds for otel-refusals alone and {others} beside the others, on two virtual
x86-64 cores of a shared machine. Times are CPU time of the calling thread, the 5th
percentile of many short samples in random order; peak memory is what Python allocates. Spans go through a
`BatchSpanProcessor`, metrics to a reader, logs to a provider; the SDKs are real, and only their transport answers in
the process, one server-sent event per chunk. More is in [benchmarks/README.md](../benchmarks/README.md).

    make peers                                  # all of it
    make bench                                  # without the others
    python benchmarks/compare.py logfire        # one of them

{versions}
"""
