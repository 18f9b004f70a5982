"""`on_refusal`: the application hears of every operation that was declined, as it is reported.

The law of this module: a callback is the application's own code inside the application's call, so it can fail nothing
and wait for nothing of the caller's; and a refusal inside a callback calls none again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import cache
from inspect import isawaitable
from threading import Thread
from typing import Any

from otel_refusals.failure import swallow
from otel_refusals.outcome import Refused, Rescued

Callback = Callable[[Refused | Rescued], Awaitable[None] | None]

_callbacks: list[Callback] = []
_inside: ContextVar[bool] = ContextVar("otel_refusals_callback", default=False)
_tasks: set[asyncio.Future[None]] = set()


def on_refusal(callback: Callback) -> Callable[[], None]:
    """Call `callback` with the outcome of every operation that was refused or rescued.

    It runs where the operation ends: in the thread that read the last of the answer. A coroutine function is started
    as a task of the running event loop, or on a loop of its own thread where none runs; nobody waits for it. What it
    raises is counted in `refusal.instrumentation.errors` and goes nowhere else.

    Args:
        callback: Gets the `Refused` or `Rescued`, whose `origin` says provider, model and workload.

    Returns:
        A function that ends it.
    """
    _callbacks.append(callback)

    def remove() -> None:
        if callback in _callbacks:
            _callbacks.remove(callback)

    return remove


def call_back(outcome: Refused | Rescued) -> None:
    """Tell every callback. Never raises, but under our own test suite."""
    if not _callbacks or _inside.get():
        return
    token = _inside.set(True)
    try:
        for callback in tuple(_callbacks):
            try:
                result = callback(outcome)
                if isawaitable(result):
                    _start(result)
            except Exception as error:
                swallow(error, "on_refusal")
    finally:
        _inside.reset(token)


def _start(awaitable: Awaitable[None]) -> None:
    async def run() -> None:
        try:
            await awaitable
        except Exception as error:
            swallow(error, "on_refusal")

    try:
        task: asyncio.Future[Any] = asyncio.get_running_loop().create_task(run())
    except RuntimeError:  # no loop runs here
        asyncio.run_coroutine_threadsafe(run(), _own_loop())
    else:
        _tasks.add(task)  # a loop itself holds its tasks only weakly
        task.add_done_callback(_tasks.discard)


@cache
def _own_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, name="otel-refusals-callbacks", daemon=True).start()
    return loop


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_own_loop.cache_clear)  # the thread stays with the parent
