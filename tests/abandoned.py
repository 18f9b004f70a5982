"""Calls that nobody goes on with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


def abandon(call: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Make a call in a task of a loop that is closed, so that nobody goes on with it.

    Args:
        call: Makes it, and sets the event once it waits for the answer.

    Returns:
        What closes its coroutine, as the garbage collector does when it finds it, be it in the midst of another call.
    """

    async def begin() -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        await asked.wait()
        return task

    asked = asyncio.Event()
    coroutine = call(asked)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin())._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()
    return coroutine.close
