"""How we behave inside a call through LiteLLM: the manners of the contract, as sentences."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import litellm
import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation

import otel_refusals
from otel_refusals import outcome_of
from otel_refusals.leftovers import report_orphans
from otel_refusals.testing import Reply, StubServer
from tests.fixtures import fixture
from tests.sdk.litellm.driver import ANTHROPIC, AZURE, BEDROCK, LOOP, MESSAGES, OPENAI
from tests.telemetry import Recorded

REFUSED = fixture("anthropic/refusal_pre_output_cyber.json").reply
STREAM = fixture("anthropic/stream_refusal_mid_text.sse").reply
COMPLETED = fixture("anthropic/completed_end_turn.json").reply
OVERLOADED = fixture("anthropic/error_529_overloaded.json").reply
BLOCKED = fixture("anthropic/error_400_output_blocked.json").reply
FILTERED = fixture("openai/chat_stream_content_filter_mid_usage.sse").reply


def settled(recorded: Recorded, expected: dict[str, float]) -> bool:
    """Whether `expected` is what was reported: a thread of LiteLLM's may hold a stream longer than its caller."""
    deadline = time.monotonic() + 10
    while recorded.outcomes != expected and time.monotonic() < deadline:
        gc.collect()
        report_orphans()
        time.sleep(0.01)
    return recorded.outcomes == expected


def pieces(reply: Reply, count: int) -> Reply:
    """The first `count` events of a stream, after which the connection breaks."""
    events = bytes(reply.body).split(b"\n\n")[:count]  # type: ignore[arg-type]
    return Reply([event + b"\n\n" for event in events], content_type=reply.content_type, cut=True)


def test_the_caller_gets_objects_of_litellms_own_types(recorded: Recorded, vendor: StubServer) -> None:
    """And the functions are LiteLLM's own again when the instrumentation is taken off."""
    kinds = []
    for _ in range(2):
        vendor.queue(STREAM, REFUSED)
        stream = litellm.completion(**ANTHROPIC.arguments(vendor.url, stream=True))
        kinds.append((type(litellm.completion(**ANTHROPIC.arguments(vendor.url))), type(stream)))
        list(stream)
        otel_refusals.uninstrument()

    assert kinds[0] == kinds[1]
    assert {"refused": 2} == recorded.outcomes
    for owner in (litellm, litellm.main):
        for name in ("completion", "acompletion", "text_completion", "atext_completion"):
            assert not hasattr(vars(owner)[name], "_self_wrapper")
    assert not hasattr(litellm.CustomStreamWrapper.__next__, "_self_wrapper")


@pytest.mark.parametrize("route", [OPENAI, AZURE, ANTHROPIC, BEDROCK], ids=lambda route: route.provider)
@pytest.mark.parametrize("vendors", [["litellm"], None], ids=["alone", "beside the rest"])
def test_a_call_is_counted_once_whoever_else_is_instrumented(
    route: Any, vendors: list[str] | None, instrument: Callable[..., Recorded], vendor: StubServer
) -> None:
    """The openai SDK makes some of LiteLLM's requests: they are part of the call."""
    recorded = instrument(vendors=vendors)
    folder = {"openai": "openai/chat_refusal.json", "azure.ai.openai": "openai/chat_refusal.json"}
    folder |= {"anthropic": "anthropic/refusal_pre_output_cyber.json"}
    folder |= {"aws.bedrock": "bedrock/converse_content_filtered.json"}
    vendor.queue(fixture(folder[route.provider]).reply)
    litellm.completion(**route.arguments(vendor.url))

    assert {(route.provider, "refused"): 1} == recorded.sums(
        "refusal.client.operations", "gen_ai.provider.name", "refusal.outcome"
    )


def test_without_litellm_instrumented_the_openai_sdk_is_seen_under_it(
    instrument: Callable[..., Recorded], vendor: StubServer
) -> None:
    """As it is under any framework."""
    recorded = instrument(vendors=["openai"])
    vendor.queue(fixture("openai/chat_refusal.json").reply)
    litellm.completion(**OPENAI.arguments(vendor.url))

    assert {"refused": 1} == recorded.outcomes


@pytest.mark.parametrize("reply", [STREAM, FILTERED], ids=["own request", "openai SDK"])
def test_a_stream_that_is_dropped_is_reported_once(reply: Reply, recorded: Recorded, vendor: StubServer) -> None:
    """Before it told how it ended."""
    route = ANTHROPIC if reply is STREAM else OPENAI
    vendor.queue(pieces(reply, 6 if reply is STREAM else 2))
    for _ in litellm.completion(**route.arguments(vendor.url, stream=True)):
        break

    assert settled(recorded, {"incomplete": 1})


def test_an_asynchronous_stream_that_is_broken_off_is_reported_once(recorded: Recorded, vendor: StubServer) -> None:
    """The same."""

    async def leave() -> None:
        stream = await litellm.acompletion(**ANTHROPIC.arguments(vendor.url, stream=True))
        async for _ in stream:
            break

    vendor.queue(pieces(STREAM, 6))
    LOOP.run_until_complete(leave())
    LOOP.run_until_complete(LOOP.shutdown_asyncgens())  # as it does with what is left open

    assert settled(recorded, {"incomplete": 1})


def test_a_stream_that_nobody_reads_is_incomplete(recorded: Recorded, vendor: StubServer) -> None:
    """The request was made, and nothing of the answer was looked at."""
    vendor.queue(STREAM)
    litellm.completion(**ANTHROPIC.arguments(vendor.url, stream=True))

    assert settled(recorded, {"incomplete": 1})


def test_a_connection_that_breaks_is_incomplete(recorded: Recorded, vendor: StubServer) -> None:
    """LiteLLM has an exception of its own for it; the vendor never said how it ended."""
    vendor.queue(pieces(STREAM, 4))
    stream = litellm.completion(**ANTHROPIC.arguments(vendor.url, stream=True))
    with pytest.raises(Exception, match="peer closed"):
        list(stream)

    assert {"incomplete": 1} == recorded.outcomes


def test_retries_are_one_operation(recorded: Recorded, vendor: StubServer) -> None:
    """LiteLLM's own: of its answers, the last stands."""
    vendor.queue(OVERLOADED, REFUSED)
    litellm.completion(**ANTHROPIC.arguments(vendor.url, num_retries=1))

    assert {"refused": 1} == recorded.outcomes


def test_what_is_raised_is_the_vendors_answer(recorded: Recorded, vendor: StubServer) -> None:
    """A policy's 400 is a refusal, anything else an error by the name of what the caller gets."""
    vendor.queue(BLOCKED, OVERLOADED)
    for raised in (litellm.BadRequestError, litellm.InternalServerError):
        with pytest.raises(raised):
            litellm.completion(**ANTHROPIC.arguments(vendor.url))

    assert {("refused", None): 1, ("error", "InternalServerError"): 1} == recorded.sums(
        "refusal.client.operations", "refusal.outcome", "error.type"
    )


def routed(url: str) -> litellm.Router:
    """A router with two models, of which the second is the fallback for the first."""
    models = [
        {"model_name": name, "litellm_params": {**ANTHROPIC.arguments(url), "model": f"anthropic/{name}"}}
        for name in ("first", "second")
    ]
    fallbacks = [{"first": ["second"]}]
    return litellm.Router(model_list=models, content_policy_fallbacks=fallbacks, fallbacks=fallbacks, num_retries=0)


@pytest.mark.parametrize("name", ["completion", "acompletion"])
def test_a_fallback_that_answers_rescues(name: str, recorded: Recorded, vendor: StubServer) -> None:
    """One operation of the router's, with the decline of the first model and the name of the one that answered."""
    vendor.queue(BLOCKED, COMPLETED)
    answer = getattr(routed(vendor.url), name)(model="first", messages=MESSAGES)
    if name == "acompletion":
        LOOP.run_until_complete(answer)

    assert {("rescued", "second"): 1} == recorded.sums(
        "refusal.client.operations", "refusal.outcome", "gen_ai.request.model"
    )
    assert 1 == sum(point.value for point in recorded.points("refusal.client.refusals"))


def test_an_answer_without_a_request_is_no_operation(recorded: Recorded, vendor: StubServer) -> None:
    """LiteLLM's mock, and a call that it does not understand."""
    litellm.completion(**ANTHROPIC.arguments(vendor.url, mock_response="Hi."))
    with suppress(Exception):
        litellm.completion(model="nobody-knows-this", messages=[])

    assert {} == recorded.outcomes


def test_suppressed_calls_are_not_seen(recorded: Recorded, vendor: StubServer) -> None:
    """By OpenTelemetry's own key."""
    vendor.queue(REFUSED)
    with suppress_instrumentation():
        litellm.completion(**ANTHROPIC.arguments(vendor.url))

    assert {} == recorded.outcomes


def test_the_span_of_the_call_is_annotated(
    recorded: Recorded, instrument: Callable[..., Recorded], vendor: StubServer
) -> None:
    """The caller's own span of the operation, before it ends."""
    tracer = recorded.tracer_provider.get_tracer("application")
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic"}
    vendor.queue(REFUSED)
    with tracer.start_as_current_span("chat", attributes=attributes):
        litellm.completion(**ANTHROPIC.arguments(vendor.url))

    assert "cyber" == recorded.span["refusal.category"]


def test_litellms_own_exception_for_a_policy_is_a_refusal() -> None:
    """To `outcome_of`, which sees no request."""
    error = litellm.ContentPolicyViolationError("no", model="m", llm_provider="anthropic")

    assert "refused" == outcome_of(error).outcome
    assert "classifier" != outcome_of(error).refusal.source
