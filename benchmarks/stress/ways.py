"""Every way in which a caller leaves a call, each with the outcome that it makes, by what the caller itself saw.

A way makes one call or several, and returns their outcomes. It knows nothing of otel-refusals, and lets through
whatever the plain SDK would not have raised there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import anthropic

from benchmarks.stress.adapters import each, inside, settled
from benchmarks.stress.calls import SDK_ERRORS, SURFACES, Call, Outcomes, Surface
from benchmarks.stress.wires import CUT, HOLD, NAME, Answer, answer

Way = Callable[[Call], Awaitable[Outcomes]]


class MineError(Exception):
    """An exception of the caller's own."""


async def plain(call: Call) -> Outcomes:
    """The answer, or the SDK's exception."""
    with suppress(*SDK_ERRORS):
        await settled(call.create())
    return [call.asked.outcome]


async def raw(call: Call) -> Outcomes:
    """A raw response that the caller parses."""
    with suppress(*SDK_ERRORS):
        response = await settled(call.create("with_raw_response"))
        await settled(response.parse())
    return [call.asked.outcome]


async def raw_unparsed(call: Call) -> Outcomes:
    """A raw response that nobody parses: it is there, all the same."""
    with suppress(*SDK_ERRORS):
        await settled(call.create("with_raw_response"))
    return [call.asked.outcome]


async def later_read(call: Call) -> Outcomes:
    """A body that the caller reads by itself."""
    with suppress(*SDK_ERRORS):
        async with inside(call.create("with_streaming_response")) as response:
            await settled(response.read())
    return [call.asked.outcome]


async def later_left(call: Call) -> Outcomes:
    """A body of which the caller reads a few bytes, and then raises."""
    with suppress(MineError, *SDK_ERRORS):
        async with inside(call.create("with_streaming_response")) as response:
            async for _ in each(response.iter_bytes(7)):
                break
            raise MineError
    return ["incomplete" if call.asked.status == 200 else call.asked.outcome]


async def unreachable(call: Call) -> Outcomes:
    """Nobody answers at the address."""
    with suppress(*SDK_ERRORS):
        await settled(call.create(**{NAME: "unreachable"}))
    return ["error"]


async def drained(call: Call) -> Outcomes:
    """Read to the end."""
    await call.read(await settled(call.create()))
    return [call.asked.outcome]


async def cut(call: Call) -> Outcomes:
    """Read until the connection breaks."""
    await call.read(await settled(call.create(**{CUT: call.some})))
    return call.left


async def broken_off(call: Call) -> Outcomes:
    """A `break` in a `with` block."""
    async with inside(await settled(call.create())) as stream:
        await call.read(stream, call.some)
    return call.left


async def closed(call: Call) -> Outcomes:
    """Closed, twice."""
    stream = await settled(call.create())
    await call.read(stream, call.some)
    await settled(stream.close())
    await settled(stream.close())
    return call.left


async def closed_below(call: Call) -> Outcomes:
    """The HTTP response is closed, and the stream forgotten."""
    stream = await settled(call.create())
    await call.read(stream, call.some)
    response = stream.response
    await settled(response.aclose() if hasattr(stream, "__aiter__") else response.close())
    return call.left


async def closed_elsewhere(call: Call) -> Outcomes:
    """Another thread, or another task, closes the stream."""
    stream = await settled(call.create())
    await call.read(stream, call.some)
    if hasattr(stream, "__aiter__"):
        await asyncio.create_task(stream.close())
    else:
        await call.do_elsewhere(stream.close)
    return call.left


async def dropped(call: Call) -> Outcomes:
    """Forgotten."""
    await call.read(await settled(call.create()), call.some)
    return call.left


async def dropped_in_a_cycle(call: Call) -> Outcomes:
    """Forgotten by an object that refers to itself: the garbage collector finds it, in whichever thread."""
    holder: list[Any] = [await settled(call.create())]
    holder.append(holder)
    await call.read(holder[0], call.some)
    return call.left


async def dropped_elsewhere(call: Call) -> Outcomes:
    """The last reference goes in another thread."""
    holder = [await settled(call.create())]
    await call.read(holder[0], call.some)
    await call.do_elsewhere(holder.clear)
    return call.left


async def raised_in_the_loop(call: Call) -> Outcomes:
    """The body of the caller's loop raises."""
    try:
        async for _ in each(await settled(call.create())):
            call.seen += 1
            if call.seen > call.some:
                raise MineError
    except MineError:
        pass
    except SDK_ERRORS:
        call.seen += 1
    return call.left


async def two_loops(call: Call) -> Outcomes:
    """Left, and read on."""
    stream = await settled(call.create())
    await call.read(stream, call.some)
    await call.read(stream)
    return [call.asked.outcome]


async def raw_stream(call: Call) -> Outcomes:
    """A raw response that the caller parses into a stream."""
    response = await settled(call.create("with_raw_response"))
    await call.read(await settled(response.parse()))
    return [call.asked.outcome]


async def later_bytes(call: Call) -> Outcomes:
    """The bytes of the stream, by the caller's own hand."""
    async with inside(call.create("with_streaming_response")) as response:
        async for _ in each(response.iter_bytes()):
            pass
    return [call.asked.outcome]


async def helped(call: Call) -> Outcomes:
    """The SDK's helper, to the end."""
    with suppress(*SDK_ERRORS):
        async with inside(call.helper()) as stream:
            await call.read(stream)
    return [call.asked.outcome]


async def helped_text(call: Call) -> Outcomes:
    """The texts alone."""
    with suppress(*SDK_ERRORS):
        async with inside(call.helper()) as stream:
            async for _ in each(stream.text_stream):
                pass
    return [call.asked.outcome]


async def helped_message(call: Call) -> Outcomes:
    """The final message alone."""
    with suppress(*SDK_ERRORS):
        async with inside(call.helper()) as stream:
            await settled(stream.get_final_message())
    return [call.asked.outcome]


async def helped_raises(call: Call) -> Outcomes:
    """The helper's block raises before anything was read."""
    with suppress(MineError):
        async with inside(call.helper()):
            raise MineError
    return ["incomplete"]


async def tools(call: Call) -> Outcomes:
    """A tool runner: a turn that asks for the tool, and one that has its result."""

    def grep() -> str:
        """Find it."""
        return "found"

    async def async_grep() -> str:
        """Find it."""
        return "found"

    is_async = isinstance(call.client, anthropic.AsyncAnthropic)
    tool = anthropic.beta_async_tool(async_grep, name="grep") if is_async else anthropic.beta_tool(grep)
    runner = call.client.beta.messages.tool_runner(
        **call.surface.arguments, tools=[tool], extra_headers={NAME: "tools"}
    )
    await settled(runner.until_done())
    return ["tool_call", "completed"]


async def cancelled(call: Call) -> Outcomes:
    """The reading task is cancelled, at whatever it does."""

    async def read() -> None:
        await call.read(await settled(call.create(**{HOLD: max(1, call.some)})))

    task = asyncio.create_task(read())
    for _ in range(call.chance.randrange(1, 60)):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return call.left


async def cancelled_call(call: Call) -> Outcomes:
    """The call is cancelled before the vendor answers."""
    task = asyncio.create_task(call.create(**{HOLD: 0}))
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return ["incomplete"]


async def timed_out(call: Call) -> Outcomes:
    """The caller's own time limit strikes while the vendor says nothing."""

    async def read() -> None:
        await call.read(await settled(call.create(**{HOLD: max(1, call.some)})))

    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(read(), 0.01)
    return call.left


WHOLE: tuple[Way, ...] = (plain, raw, raw_unparsed, later_read, later_left, unreachable)
STREAMED: tuple[Way, ...] = (
    *(drained, cut, broken_off, closed, closed_below, closed_elsewhere, dropped, dropped_in_a_cycle),
    *(dropped_elsewhere, raised_in_the_loop, two_loops, raw_stream, later_bytes),
)
HELPED: tuple[Way, ...] = (helped, helped_text, helped_message, helped_raises)
ASYNC: tuple[Way, ...] = (cancelled, cancelled_call, timed_out)


@dataclass(frozen=True)
class Case:
    """A way to leave one answer of one surface."""

    way: Way
    surface: Surface
    asked: Answer

    @property
    def name(self) -> str:
        """For people, and for the label by which its operations are told apart."""
        return f"{self.surface.path}:{self.way.__name__}"

    @property
    def anywhere(self) -> bool:
        """Whether a real server can answer so too: one that says nothing for ever would outlive the run."""
        return self.way not in (*ASYNC, unreachable)


def cases(*, is_async: bool) -> list[Case]:
    """Everything that can be done with the installed SDKs."""
    return [
        Case(way, surface, answer(f"{surface.sdk}/{name}"))
        for surface in SURFACES
        for names, ways in (
            (surface.answers, WHOLE),
            (surface.streams, STREAMED + (ASYNC if is_async else ())),
            (surface.streams if surface.sdk == "anthropic" else (), HELPED),
            (surface.answers[:1] if surface.path == "beta.messages" else (), (tools,)),
        )
        for name in names
        for way in ways
    ]
