"""How we behave inside a call of mistralai's: the manners of the contract, as sentences."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation

import otel_refusals
from otel_refusals.testing import Reply, StubServer
from tests.fixtures import fixture
from tests.sdk.mistralai.driver import MESSAGES, Mistral, client
from tests.telemetry import Recorded

ASK = {"model": "asked-model", "messages": MESSAGES}
REFUSED = fixture("mistral/chat_content_filter_unlisted.json").reply
STREAM = fixture("mistral/chat_stream_content_filter_mid.sse").reply


@pytest.fixture
def mistral(vendor: StubServer) -> Iterator[Mistral]:
    """A client."""
    with client(vendor.url) as made:
        yield made


def test_the_caller_gets_objects_of_the_sdks_own_types(
    recorded: Recorded, mistral: Mistral, vendor: StubServer
) -> None:
    """A client that exists already is seen, and forgotten when the instrumentation is taken off."""
    vendor.queue(STREAM, REFUSED, STREAM, REFUSED)
    with mistral.chat.stream(**ASK) as stream:
        types = [type(stream)]
    types.append(type(mistral.chat.complete(**ASK)))
    otel_refusals.uninstrument()
    with mistral.chat.stream(**ASK) as stream:
        plain = [type(stream)]
    plain.append(type(mistral.chat.complete(**ASK)))

    assert plain == types
    assert {"incomplete": 1, "refused": 1} == recorded.outcomes


def test_a_stream_that_is_broken_off_is_reported_once(recorded: Recorded, mistral: Mistral, vendor: StubServer) -> None:
    """Left by its context manager, or dropped."""
    vendor.queue(STREAM, STREAM)
    with mistral.chat.stream(**ASK) as stream:
        next(iter(stream))
    dropped = mistral.chat.stream(**ASK)
    next(iter(dropped))
    dropped.response.close()
    del dropped
    gc.collect()

    assert {"incomplete": 2} == recorded.outcomes


def test_a_cancelled_stream_is_incomplete(recorded: Recorded, vendor: StubServer) -> None:
    """Cancellation passes through, and says nothing about the vendor."""

    async def leave() -> None:
        async with client(vendor.url) as mistral:
            stream = await mistral.chat.stream_async(**ASK)
            async with stream:
                await stream.__anext__()
                raise asyncio.CancelledError

    vendor.queue(STREAM)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(leave())

    assert {"incomplete": 1} == recorded.outcomes


def test_a_connection_that_breaks_is_incomplete(recorded: Recorded, mistral: Mistral, vendor: StubServer) -> None:
    """The exception is the HTTP library's; the vendor never said how it ended."""
    vendor.queue(Reply([STREAM.body[:200]], content_type="text/event-stream", cut=True))
    with mistral.chat.stream(**ASK) as stream, pytest.raises(Exception, match="peer closed"):
        for _ in stream:
            pass

    assert {"incomplete": 1} == recorded.outcomes


def test_suppressed_calls_are_not_seen(recorded: Recorded, mistral: Mistral, vendor: StubServer) -> None:
    """By OpenTelemetry's own key."""
    vendor.queue(REFUSED)
    with suppress_instrumentation():
        mistral.chat.complete(**ASK)

    assert {} == recorded.outcomes


def test_the_clients_of_other_clouds_have_their_own_provider(recorded: Recorded, vendor: StubServer) -> None:
    """Azure has a copy of the SDK."""
    azure = pytest.importorskip("mistralai.azure.client")
    vendor.queue(REFUSED)
    with azure.MistralAzure(api_key="key", server_url=vendor.url) as mistral:
        mistral.chat.complete(**ASK)

    assert {"azure.ai.inference": 1} == recorded.sums("refusal.client.operations", "gen_ai.provider.name")
