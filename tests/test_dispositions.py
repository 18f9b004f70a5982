"""Acting on a refusal: hearing of it, and recording what was done about it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, current_thread
from typing import Any

import anthropic
import openai
import pytest
from opentelemetry import trace

import otel_refusals
from otel_refusals import Refused, Rescued, failure, on_refusal, outcome_of, record_disposition
from otel_refusals.testing import StubServer
from tests.drivers import ARGUMENTS
from tests.fixtures import fixture
from tests.telemetry import Recorded

REFUSED = fixture("anthropic/refusal_pre_output_cyber.json").reply
STREAMED = fixture("anthropic/stream_refusal_mid_text.sse").reply
RESCUED = fixture("anthropic/beta_fallback_served.json").reply
COMPLETED = fixture("anthropic/completed_end_turn.json").reply
UNKNOWN = fixture("anthropic/unknown_stop_reason.json").reply
BLOCKED = fixture("azure_openai/error_400_prompt_violence.json").reply
MESSAGE = ARGUMENTS["messages"]


@contextmanager
def heard(callback: Any = None) -> Iterator[list[Refused | Rescued]]:
    """The outcomes that a callback gets."""
    outcomes: list[Refused | Rescued] = []
    remove = on_refusal(callback or outcomes.append)
    try:
        yield outcomes
    finally:
        remove()


def test_a_callback_gets_every_refused_and_rescued_operation(
    claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer
) -> None:
    """With the model that was asked and the workload, and nothing about those that ended well."""
    vendor.queue(REFUSED, COMPLETED, RESCUED)
    with heard() as outcomes, otel_refusals.workload("triage"):
        claude.messages.create(**MESSAGE)
        claude.messages.create(**MESSAGE)
        claude.beta.messages.create(**MESSAGE)

    assert ["refused", "rescued"] == [outcome.outcome for outcome in outcomes]
    origin = outcomes[0].origin
    assert origin is not None
    assert ("anthropic", "chat", "asked-model", "triage") == (
        origin.provider,
        origin.operation,
        origin.model,
        origin.workload,
    )


def test_a_callback_that_was_removed_hears_nothing(
    claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer
) -> None:
    """And removing it twice is no fault."""
    outcomes: list[Any] = []
    remove = on_refusal(outcomes.append)
    remove()
    remove()
    vendor.queue(REFUSED)
    claude.messages.create(**MESSAGE)

    assert [] == outcomes


def test_what_a_callback_raises_is_counted_and_never_felt(
    claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next callback still hears, and the caller has its message."""
    monkeypatch.setattr(failure, "raise_failures", False)
    vendor.queue(REFUSED)

    def broken(_: Any) -> None:
        raise LookupError

    with heard(broken), heard() as outcomes:
        message = claude.messages.create(**MESSAGE)

    assert "refusal" == message.stop_reason
    assert 1 == len(outcomes)
    assert {"LookupError": 1} == recorded.sums("refusal.instrumentation.errors", "error.type")


def test_a_coroutine_callback_runs_on_the_loop_of_the_caller(recorded: Recorded, vendor: StubServer) -> None:
    """As a task of its own: the caller does not wait for it."""
    vendor.queue(REFUSED)

    async def call() -> None:
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def callback(_: Any) -> None:
            told.set_result(asyncio.get_running_loop())

        async with anthropic.AsyncAnthropic(base_url=vendor.url, api_key="key", max_retries=0) as client:
            with heard(callback):
                await client.messages.create(**MESSAGE)
                assert not told.done()
                assert await told is asyncio.get_running_loop()

    asyncio.run(call())


def test_a_coroutine_callback_of_a_plain_caller_runs_on_a_thread_of_its_own(
    claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer
) -> None:
    """Where there is no loop to run it."""
    vendor.queue(REFUSED)
    done, where = Event(), []

    async def callback(_: Any) -> None:
        where.append(current_thread().name)
        done.set()

    with heard(callback):
        claude.messages.create(**MESSAGE)

    assert done.wait(5)
    assert ["otel-refusals-callbacks"] == where


def test_a_refusal_inside_a_callback_calls_none_again(
    claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer
) -> None:
    """It is counted, but an application that asks again may be declined for ever."""
    vendor.queue(REFUSED, REFUSED)

    with heard(lambda _: claude.messages.create(**MESSAGE)):
        claude.messages.create(**MESSAGE)

    assert {"refused": 2} == recorded.outcomes


@pytest.mark.parametrize("reply", [REFUSED, STREAMED])
def test_a_disposition_has_the_labels_of_the_refusal_it_is_about(
    claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer, reply: Any
) -> None:
    """The application has only its response; what it asked for and under which workload is remembered."""
    vendor.queue(reply)
    with otel_refusals.workload("triage"):
        if reply is STREAMED:
            with claude.messages.stream(**MESSAGE) as stream:
                message = stream.get_final_message()
        else:
            message = claude.messages.create(**MESSAGE)

    record_disposition(outcome_of(message), "surfaced")

    labels = ("gen_ai.provider.name", "gen_ai.request.model", "refusal.workload", "refusal.disposition")
    assert {("anthropic", "asked-model", "triage", "surfaced"): 1} == recorded.sums(
        "refusal.client.dispositions", *labels
    )
    assert recorded.sums("refusal.client.refusals", *labels[:3]) == {("anthropic", "asked-model", "triage"): 1}


def test_a_refusal_that_was_raised_has_a_disposition_too(recorded: Recorded, vendor: StubServer) -> None:
    """By the very exception that the caller got."""
    vendor.queue(BLOCKED)
    with (
        openai.AzureOpenAI(azure_endpoint=vendor.url, api_key="key", api_version="2024-10-21", max_retries=0) as client,
        otel_refusals.workload("triage"),
        pytest.raises(openai.BadRequestError) as raised,
    ):
        client.chat.completions.create(**ARGUMENTS["chat"])

    record_disposition(outcome_of(raised.value), "escalated")

    labels = ("gen_ai.provider.name", "refusal.workload", "refusal.category")
    assert {("azure.ai.openai", "triage", "violence"): 1} == recorded.sums("refusal.client.dispositions", *labels)


def test_a_disposition_marks_the_current_span(
    claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer
) -> None:
    """The span of whoever decides: that of the call has ended long since."""
    vendor.queue(UNKNOWN)
    outcome = outcome_of(claude.messages.create(**MESSAGE))
    with trace.get_tracer("app").start_as_current_span("answer"):
        record_disposition(outcome, "escalated")

    assert "escalated" == (recorded.spans[-1].attributes or {})["refusal.disposition"]
    assert {"unspecified": 1} == recorded.sums("refusal.client.dispositions", "refusal.category")


def test_a_disposition_of_a_rescued_operation_marks_the_span_alone(
    claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer
) -> None:
    """Counted, it would make up for a refusal about which nobody decided."""
    vendor.queue(RESCUED)
    outcome = outcome_of(claude.beta.messages.create(**MESSAGE))
    with trace.get_tracer("app").start_as_current_span("answer"):
        record_disposition(outcome, "rerouted")

    assert "rerouted" == (recorded.spans[-1].attributes or {})["refusal.disposition"]
    assert {} == recorded.sums("refusal.client.dispositions", "refusal.disposition")


def test_a_bad_disposition_is_named() -> None:
    """A word that is none, and an outcome that needs none."""
    refused = outcome_of(fixture("anthropic/refusal_pre_output_cyber.json").body)
    completed = outcome_of(fixture("anthropic/completed_end_turn.json").body)

    with pytest.raises(ValueError, match="'ignored' is not one of rerouted, surfaced, escalated, dropped"):
        record_disposition(refused, "ignored")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="nothing to decide about an outcome that is completed"):
        record_disposition(completed, "dropped")
