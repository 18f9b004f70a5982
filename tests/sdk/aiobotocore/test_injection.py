"""Injection reaches aiobotocore, over aiohttp and over httpx."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from tests.fixtures import FIXTURES, Fixture
from tests.injected import NOWHERE, check_fixtures, check_scenarios
from tests.sdk.aiobotocore.test_aiobotocore import (
    BY_NAME,
    HttpxSession,
    client,
    has_httpx,
    read_body,
    read_stream,
    whole,
)
from tests.sdk.botocore.calls import CALLS, CONVERSE, CONVERSE_STREAM, INVOKE, INVOKE_STREAM, leave_out_unless

OVER: dict[str, dict[str, Any]] = {"aiohttp": {}, "httpx": {"http_session_cls": HttpxSession}}
"""How the SDK is told which HTTP library to use."""

_WAYS = [(surface, "aiohttp") for surface in (CONVERSE, CONVERSE_STREAM, INVOKE, INVOKE_STREAM)]
if has_httpx():  # over which the SDK itself can read no stream of events
    _WAYS += [(surface, "httpx") for surface in (CONVERSE, INVOKE)]


def _call(surface: str, over: str = "aiohttp") -> None:
    method, arguments = CALLS[surface]
    leave_out_unless(method in BY_NAME, method)
    read = read_body if surface == INVOKE else read_stream if surface in (CONVERSE_STREAM, INVOKE_STREAM) else whole

    async def run() -> None:
        async with client(NOWHERE, **OVER[over]) as bedrock:
            with suppress(ClientError, EventStreamError):
                await read(await getattr(bedrock, method)(**arguments))

    asyncio.run(run())


@pytest.mark.parametrize("surface", CALLS)
def test_every_fixture_can_be_injected(surface: str) -> None:
    """And is read as when the vendor sends it."""

    def call(fixture: Fixture) -> None:
        _call(fixture.surface)

    check_fixtures("botocore", [one for one in FIXTURES if one.surface == surface], call)


@pytest.mark.parametrize(("surface", "over"), _WAYS)
def test_every_way_of_being_refused_can_be_injected(surface: str, over: str) -> None:
    """Whole and streamed."""
    check_scenarios("botocore", lambda: _call(surface, over))
