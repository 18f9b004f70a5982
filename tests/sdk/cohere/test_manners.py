"""How we behave inside a call of cohere's: the manners of the contract, as sentences."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import cohere
import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation

import otel_refusals
from otel_refusals.testing import Reply, StubServer
from otel_refusals.vendors.cohere import VENDOR
from tests.fixtures import fixture
from tests.sdk.cohere.driver import client
from tests.telemetry import Recorded

ASK: dict[str, Any] = {"model": "asked-model", "messages": [{"role": "user", "content": "Please."}]}
REFUSED = fixture("cohere/v2_chat_error_toxic_partial.json").reply
STREAM = fixture("cohere/v2_chat_stream_error_toxic_mid.sse").reply


@pytest.fixture
def caller(vendor: StubServer) -> Iterator[Any]:
    """A client of v2."""
    with client(vendor.url) as made:
        yield made


def test_the_caller_gets_objects_of_the_sdks_own_types(recorded: Recorded, caller: Any, vendor: StubServer) -> None:
    """A client that exists already is seen, and forgotten when the instrumentation is taken off."""

    def types() -> list[type]:
        vendor.queue(STREAM, REFUSED, STREAM)
        with caller.with_raw_response.chat_stream(**ASK) as raw:
            list(raw.data)
        stream = caller.chat_stream(**ASK)
        return [type(caller.chat(**ASK)), type(raw), type(stream), *map(type, stream)]

    instrumented = types()
    otel_refusals.uninstrument()

    assert types() == instrumented
    assert {"refused": 3} == recorded.outcomes


def test_a_stream_that_is_broken_off_is_reported_once(recorded: Recorded, caller: Any, vendor: StubServer) -> None:
    """Closed, dropped, or left by the context manager of the raw form; one that was never started made no call."""
    vendor.queue(STREAM, STREAM, STREAM)
    closed = caller.chat_stream(**ASK)
    next(closed)
    closed.close()
    dropped = caller.chat_stream(**ASK)
    next(dropped)
    del dropped
    with caller.with_raw_response.chat_stream(**ASK) as raw:
        next(iter(raw.data))
    del raw
    caller.chat_stream(**ASK)
    gc.collect()

    assert {"incomplete": 3} == recorded.outcomes


def test_the_callers_exception_is_the_same_object(recorded: Recorded, caller: Any, vendor: StubServer) -> None:
    """It leaves the operation incomplete: it says nothing about the vendor."""
    mine = RuntimeError("mine")

    def fail() -> None:
        with caller.with_raw_response.chat_stream(**ASK) as raw:
            next(iter(raw.data))
            raise mine

    vendor.queue(STREAM)
    with pytest.raises(RuntimeError) as raised:
        fail()

    assert mine is raised.value
    assert {"incomplete": 1} == recorded.outcomes


def test_a_cancelled_stream_is_incomplete(recorded: Recorded, vendor: StubServer) -> None:
    """Cancellation passes through."""

    async def leave() -> None:
        async with client(vendor.url, "AsyncClientV2") as caller:
            async for _ in caller.chat_stream(**ASK):
                raise asyncio.CancelledError

    vendor.queue(STREAM)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(leave())

    assert {"incomplete": 1} == recorded.outcomes


def test_an_error_answer_to_a_stream_is_counted_by_the_exception(
    recorded: Recorded, caller: Any, vendor: StubServer
) -> None:
    """Raised when the stream is opened."""
    vendor.queue(fixture("cohere/v2_error_400_invalid.json").reply)
    with pytest.raises(cohere.BadRequestError):
        next(caller.chat_stream(**ASK))

    assert {"BadRequestError": 1} == recorded.sums("refusal.client.operations", "error.type")


def test_retries_are_one_operation(recorded: Recorded, caller: Any, vendor: StubServer) -> None:
    """The SDK asks again below its methods."""
    vendor.queue(Reply(b"{}", 503, headers={"retry-after": "0"}), REFUSED)
    caller.chat(**ASK, request_options={"max_retries": 3})

    assert {"refused": 1} == recorded.outcomes


def test_suppressed_calls_are_not_seen(recorded: Recorded, caller: Any, vendor: StubServer) -> None:
    """By OpenTelemetry's own key, whole and streamed."""
    vendor.queue(REFUSED, STREAM)
    with suppress_instrumentation():
        caller.chat(**ASK)
        list(caller.chat_stream(**ASK))

    assert {} == recorded.outcomes


@pytest.mark.parametrize(
    ("name", "provider"), [("BedrockClient", "aws.bedrock"), ("SagemakerClient", "aws.sagemaker"), ("Client", "cohere")]
)
def test_the_clients_for_aws_have_their_own_provider(name: str, provider: str) -> None:
    """Their raw client is the same: what rewrites its requests tells."""
    if name == "Client":
        made = client("http://127.0.0.1", name)
    else:
        pytest.importorskip("boto3")
        made = getattr(cohere, name)(aws_region="us-east-1", aws_access_key="key", aws_secret_key="secret")

    with made:
        assert provider == VENDOR.provider_of(made._raw_client)
