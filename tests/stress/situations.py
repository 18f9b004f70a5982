"""Processes in situations that instrumentations tend not to survive, each with the real SDK at work in it.

`python -m tests.stress.situations NAME [URL]` runs one of them and prints what was reported as JSON.
"""

from __future__ import annotations

import sys

if sys.argv[1:2] == ["gevent"]:
    from gevent import monkey

    monkey.patch_all()

import gc
import json
import multiprocessing
import os
import threading
from contextlib import suppress
from typing import Any

import anthropic

import otel_refusals
from benchmarks.stress.books import Books
from benchmarks.stress.wires import CUT, NAME, client

ARGUMENTS: dict[str, Any] = {
    "model": "claude-opus-5",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Please."}],
}
REFUSED = "anthropic/refusal_pre_output_cyber"
STREAM = "anthropic/stream_refusal_mid_text"


def claude(url: str = "") -> anthropic.Anthropic:
    """A client whose vendor is at `url`, or inside the process."""
    http_client = client(is_async=False, real=bool(url))
    return anthropic.Anthropic(
        base_url=url or "http://in.process", api_key="none", max_retries=0, http_client=http_client
    )


def call(vendor: anthropic.Anthropic, name: str, **options: Any) -> Any:
    """Make a call that is answered by the wire fixture `name`."""
    return vendor.messages.create(**ARGUMENTS, extra_headers={NAME: name}, **options)


def opened(vendor: anthropic.Anthropic) -> Any:
    """A stream of which one event was read."""
    stream = call(vendor, STREAM, stream=True)
    next(stream)
    return stream


def instrumented() -> Books:
    """Books that everything is reported to."""
    books = Books()
    books.instrument()
    return books


def forked(_: str) -> dict[str, Any]:
    """A fork with streams open: the child uses and drops its copies, and makes a call of its own."""
    books, vendor = instrumented(), claude()
    read, closed, dropped = (opened(vendor) for _ in range(3))
    ours, childs = os.pipe()
    if not os.fork():
        list(read)
        closed.close()
        del read, closed, dropped
        gc.collect()
        call(vendor, REFUSED)
        os.write(childs, json.dumps(books.outcomes).encode())
        os._exit(0)
    os.wait()
    list(read)
    closed.close()
    del dropped
    gc.collect()
    return {"parent": books.outcomes, "child": json.loads(os.read(ours, 1000))}


def prefork(_: str) -> dict[str, Any]:
    """Workers of an application that was loaded and instrumented before they were forked."""
    books, vendor = instrumented(), claude()
    heard = threading.Event()

    async def hear(_: object) -> None:
        heard.set()

    otel_refusals.on_refusal(hear)
    call(vendor, REFUSED)
    assert heard.wait(60)
    heard.clear()

    def work(answers: Any) -> None:
        for _ in range(5):
            call(vendor, REFUSED)
            list(call(vendor, STREAM, stream=True))
        left = opened(vendor)
        left.close()
        answers.put({**books.outcomes, "heard": heard.wait(60)})

    fork = multiprocessing.get_context("fork")
    answers = fork.Queue()
    workers = [fork.Process(target=work, args=(answers,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    told = [answers.get(timeout=300) for _ in workers]
    for worker in workers:
        worker.join()
    return {"parent": books.outcomes, "workers": told}


def gevent(url: str) -> dict[str, Any]:
    """Greenlets in a monkey-patched process: read to the end, killed, timed out, closed by another."""
    import gevent

    books, vendor = instrumented(), claude(url)
    with suppress(anthropic.APIError):
        call(vendor, REFUSED)

    def drain() -> None:
        list(call(vendor, STREAM, stream=True))

    def timed_out() -> None:
        with gevent.Timeout(0.2, False):
            list(call(vendor, "blocks", stream=True))

    def wait(streams: list[Any]) -> None:
        streams.append(call(vendor, "blocks", stream=True))
        list(streams[0])

    readers = [gevent.spawn(drain) for _ in range(20)] + [gevent.spawn(timed_out) for _ in range(5)]
    held: list[Any] = []
    killed = gevent.spawn(wait, held)
    while not held:
        gevent.sleep(0.01)
    killed.kill()
    gevent.joinall(readers, raise_error=True)
    held.clear()
    gc.collect()
    return {"outcomes": books.outcomes}


def interrupted(url: str) -> dict[str, Any]:
    """Ctrl-C while the vendor says nothing."""
    books, vendor = instrumented(), claude(url)
    caught = ""
    try:
        for event in call(vendor, "blocks", stream=True):
            print(json.dumps({"seen": event.type}), flush=True)
    except KeyboardInterrupt as error:
        caught = type(error).__name__
    gc.collect()
    return {"caught": caught, "outcomes": books.outcomes}


def left_at_exit(url: str) -> None:
    """The process ends with streams open: held by the module, by a daemon thread that waits, by a cycle."""
    from opentelemetry import metrics
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader

    late = url.startswith("late+")
    if late:  # before there are providers
        otel_refusals.instrument()
    reader = PeriodicExportingMetricReader(ConsoleMetricExporter(out=sys.stdout), export_interval_millis=3_600_000)
    metrics.set_meter_provider(MeterProvider([reader]))
    if not late:
        otel_refusals.instrument()
    vendor = claude(url.removeprefix("late+"))
    globals()["held"] = opened(vendor)
    cycle = [opened(vendor)]
    cycle.append(cycle)  # type: ignore[arg-type]
    waits = threading.Event()

    def wait() -> None:
        for _ in call(vendor, "blocks", stream=True):
            waits.set()

    threading.Thread(target=wait, daemon=True).start()
    waits.wait(300)


def cut_off(_: str) -> dict[str, Any]:
    """Threads that end in the middle of their streams, with the connection broken under one of them."""
    books, vendor = instrumented(), claude()

    def leave() -> None:
        stream = opened(vendor)
        next(stream)

    def break_() -> None:
        with suppress(Exception):
            list(vendor.messages.create(**ARGUMENTS, extra_headers={NAME: STREAM, CUT: "2"}, stream=True))

    threads = [threading.Thread(target=leave) for _ in range(10)] + [threading.Thread(target=break_)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    return {"outcomes": books.outcomes}


SITUATIONS = {work.__name__: work for work in (forked, prefork, gevent, interrupted, left_at_exit, cut_off)}

if __name__ == "__main__":
    result = SITUATIONS[sys.argv[1]]("".join(sys.argv[2:3]))
    if result is not None:
        print(json.dumps(result))
