"""The event loops' own ways of ending a call: trio, time limits, task groups, what is left when a loop ends."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest

from benchmarks.stress.wires import HOLD, NAME, answer, client
from tests.telemetry import Recorded

STREAM = "anthropic/stream_refusal_mid_text"
CHUNKS = "openai/chat_stream_content_filter_mid"
Sdk = Callable[..., Any]


def claude(**headers: str) -> Any:
    """A stream of anthropic's."""
    sdk = anthropic.AsyncAnthropic(api_key="none", max_retries=0, http_client=client(is_async=True))
    messages: Any = [{"role": "user", "content": "Please."}]
    return sdk.messages.create(
        model="claude-opus-5", max_tokens=9, messages=messages, stream=True, extra_headers={NAME: STREAM, **headers}
    )


def gpt(**headers: str) -> Any:
    """A stream of openai's."""
    sdk = openai.AsyncOpenAI(api_key="none", max_retries=0, http_client=client(is_async=True))
    messages: Any = [{"role": "user", "content": "Please."}]
    return sdk.chat.completions.create(
        model="gpt-5.5", messages=messages, stream=True, extra_headers={NAME: CHUNKS, **headers}
    )


noisy = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""trio warns of the generators that the openai SDK itself leaves to the garbage collector."""

both = pytest.mark.parametrize("sdk", [claude, gpt])


async def drain(stream: Any) -> int:
    """Read to the end; how many events there were."""
    seen = 0
    async for _ in await stream:
        seen += 1
    return seen


@noisy
@both
def test_trio_drains_and_cancels(sdk: Sdk, recorded: Recorded) -> None:
    """Read to the end; cancelled by a time limit in the middle; cancelled before the answer; with a nursery."""
    trio = pytest.importorskip("trio")

    async def main() -> None:
        assert await drain(sdk()) == answer(STREAM if sdk is claude else CHUNKS).events
        for hold in ("3", "0"):
            with trio.move_on_after(0.05) as scope:
                await drain(sdk(**{HOLD: hold}))
            assert scope.cancelled_caught
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(drain, sdk(**{HOLD: "2"}))
            await trio.sleep(0.05)
            nursery.cancel_scope.cancel()

    trio.run(main)
    gc.collect()

    assert {"refused": 1, "incomplete": 7} == recorded.outcomes


@noisy
@both
def test_trio_closes_what_is_left(sdk: Sdk, recorded: Recorded) -> None:
    """A stream that is broken off and closed is incomplete."""
    trio = pytest.importorskip("trio")

    async def main() -> None:
        async with await sdk() as stream:
            await stream.__anext__()

    trio.run(main)

    assert {"incomplete": 1} == recorded.outcomes


@both
@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio has them since Python 3.11")
def test_time_limits_and_task_groups_end_what_they_cancel(sdk: Sdk, recorded: Recorded) -> None:
    """`asyncio.timeout`, and a group in which one task fails: the caller gets the very exceptions of the plain SDK."""

    async def fail() -> None:
        await asyncio.sleep(0.05)
        raise ZeroDivisionError

    async def group() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(drain(sdk(**{HOLD: "2"})))
            group.create_task(fail())

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await drain(sdk(**{HOLD: "3"}))
        with pytest.raises(Exception, match="unhandled errors") as raised:
            await group()
        assert [ZeroDivisionError] == [type(error) for error in raised.value.exceptions]

    asyncio.run(main())
    gc.collect()

    assert {"incomplete": 6} == recorded.outcomes


@both
def test_streams_that_are_open_when_their_loop_ends_are_incomplete(sdk: Sdk, recorded: Recorded) -> None:
    """Held beyond the loop, whose hooks close the SDK's generators; and dropped then."""
    held: list[Any] = []

    async def main() -> None:
        for _ in range(3):
            held.append(await sdk())
            await held[-1].__anext__()

    asyncio.run(main())
    held.clear()
    gc.collect()

    assert {"incomplete": 3} == recorded.outcomes


@both
def test_streams_that_are_dropped_in_a_loop_are_incomplete_and_leave_no_task(sdk: Sdk, recorded: Recorded) -> None:
    """Their generators are finalised by the loop, as without us."""

    async def main() -> int:
        for _ in range(3):
            stream = await sdk()
            await stream.__anext__()
            del stream
        gc.collect()
        for _ in range(20):
            await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    assert 1 == asyncio.run(main())
    assert {"incomplete": 3} == recorded.outcomes
