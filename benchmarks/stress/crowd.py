"""A crowd of callers: threads and asyncio tasks, all at once, each making calls in ways drawn by chance."""

from __future__ import annotations

import asyncio
import gc
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from inspect import signature
from random import Random
from threading import Lock, Thread
from typing import Any

import anthropic
import openai
from opentelemetry.context import get_current
from opentelemetry.trace import TracerProvider

import otel_refusals
from benchmarks.stress import wires
from benchmarks.stress.adapters import run, settled
from benchmarks.stress.calls import Call
from benchmarks.stress.ways import Case, cases

LOOPS = 2
"""How many event loops the tasks are spread over."""

OVER_THE_NETWORK = 0.05
"""The share of the calls that go to a real server."""


class Clients:
    """Clients of each SDK: with the vendor in the process and at `url`, with spans of the SDK's own and without."""

    def __init__(self, url: str | None, tracer_provider: TracerProvider, *, is_async: bool) -> None:
        self._is_async = is_async
        self._here = [self._made(None, traced) for traced in (False, {"tracer_provider": tracer_provider})]
        self._there = [self._made(url, False)] if url else []

    def _made(self, url: str | None, open_telemetry: Any) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "base_url": url or "http://in.process",
            "api_key": "none",
            "max_retries": 0,
            "http_client": wires.client(is_async=self._is_async, real=url is not None),
        }
        claude = anthropic.AsyncAnthropic if self._is_async else anthropic.Anthropic
        gpt = openai.AsyncOpenAI if self._is_async else openai.OpenAI
        traces = {"open_telemetry": open_telemetry} if "open_telemetry" in signature(claude).parameters else {}
        return {"anthropic": claude(**settings, **traces), "openai": gpt(**settings)}

    def one_for(self, case: Case, chance: Random) -> Any:
        """A client for `case`."""
        there = self._there and case.anywhere and chance.random() < OVER_THE_NETWORK
        return chance.choice(self._there if there else self._here)[case.surface.sdk]

    async def close(self) -> None:
        """Close them all."""
        for clients in (*self._here, *self._there):
            for client in clients.values():
                await settled(client.close())


class Crowd:
    """Callers that come in rounds; between rounds nobody is at work, and nothing should be left of it.

    Args:
        threads: How many threads make calls at once.
        tasks: How many asyncio tasks do.
        tracer_provider: Takes the spans of the SDK that makes some.
        url: A server of `wires.loopback` for some of the calls; without one, all of them stay in the process.
        seed: Of what is drawn by chance.
        new_loop: Makes an event loop.
    """

    def __init__(
        self,
        threads: int,
        tasks: int,
        tracer_provider: TracerProvider,
        url: str | None = None,
        seed: int = 1,
        new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
    ) -> None:
        self._threads = threads
        self._tasks = tasks
        self._tracer_provider = tracer_provider
        self._url = url
        self._chance = Random(seed)
        self._new_loop = new_loop
        self._cases = {is_async: cases(is_async=is_async) for is_async in (False, True)}
        self._lock = Lock()
        self.made: Counter[tuple[str, str]] = Counter()
        """How many operations ended how, by the name of the case and the outcome."""
        self.faults: list[str] = []
        """What a caller met that it should not have: an exception, a context that is not its own, a task left over."""

    @property
    def operations(self) -> int:
        """How many operations were made until now."""
        return sum(self.made.values())

    def round(self, calls: int) -> None:
        """Have every caller make so many calls, all callers at once, and wait for them."""
        clients = Clients(self._url, self._tracer_provider, is_async=False)
        loops: list[tuple[asyncio.AbstractEventLoop, Clients]] = []
        with ThreadPoolExecutor(4) as elsewhere:

            def in_thread(chance: Random) -> None:
                run(self._calls(calls, clients, chance, elsewhere, is_async=False))

            def in_loop(chance: Random) -> None:
                loop = self._new_loop()
                loops.append((loop, loop.run_until_complete(self._callers(calls, chance, elsewhere))))

            crowd = [*[in_thread] * self._threads, *[in_loop] * LOOPS]
            threads = [Thread(target=work, args=(Random(self._chance.random()),)) for work in crowd]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        gc.collect()  # alone: what another thread collects of a loop that is being closed, nobody closes
        for loop, its_clients in loops:
            loop.run_until_complete(self._settled(its_clients))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()
        run(clients.close())
        gc.collect()

    async def _callers(self, calls: int, chance: Random, elsewhere: ThreadPoolExecutor) -> Clients:
        clients = Clients(self._url, self._tracer_provider, is_async=True)
        chances = [Random(chance.random()) for _ in range(self._tasks // LOOPS)]
        await asyncio.gather(*(self._calls(calls, clients, chance, elsewhere, is_async=True) for chance in chances))
        return clients

    async def _settled(self, clients: Clients) -> None:
        for _ in range(100):  # the loop closes what was dropped
            if len(asyncio.all_tasks()) == 1:
                break
            await asyncio.sleep(0.01)
        else:
            self.faults.append(f"tasks are left over: {asyncio.all_tasks()}")
        await clients.close()

    async def _calls(
        self, calls: int, clients: Clients, chance: Random, elsewhere: ThreadPoolExecutor, *, is_async: bool
    ) -> None:
        for _ in range(calls):
            case = chance.choice(self._cases[is_async])
            call = Call(clients.one_for(case, chance), case.surface, case.asked, chance, elsewhere)
            try:
                with otel_refusals.workload(case.name):
                    outcomes = await case.way(call)
            except Exception:
                self.faults.append(f"{case.name} of {case.asked.name}: {traceback.format_exc(limit=-5, chain=False)}")
                continue
            if get_current():
                self.faults.append(f"{case.name} left its context behind: {get_current()}")
            with self._lock:
                self.made.update((case.name, outcome) for outcome in outcomes)
