"""Injection reaches every operation of Bedrock, under botocore's own HTTP session."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from otel_refusals.testing import CallBlocked, RefusalRecorder, Scenario, inject
from tests.fixtures import FIXTURES, Fixture
from tests.injected import NOWHERE, check_fixtures, check_scenarios
from tests.sdk.botocore.calls import (
    CALLS,
    CONVERSE,
    CONVERSE_STREAM,
    INVOKE,
    INVOKE_STREAM,
    SETTINGS,
    leave_out_unless,
    stream_of,
)


@pytest.fixture(scope="module")
def nowhere() -> Any:
    """A client that can reach nobody."""
    config = Config(retries={"max_attempts": 0})
    session = botocore.session.Session()
    return session.create_client("bedrock-runtime", endpoint_url=NOWHERE, config=config, **SETTINGS)


def _call(client: Any, surface: str) -> None:
    method, arguments = CALLS[surface]
    leave_out_unless(hasattr(client, method), method)
    with suppress(ClientError, EventStreamError):
        response = getattr(client, method)(**arguments)
        if surface == INVOKE:
            response["body"].read()
        elif surface in (CONVERSE_STREAM, INVOKE_STREAM):
            list(stream_of(response))


def _invoke(client: Any, surface: str, model: str) -> None:
    method, _ = CALLS[surface]
    response = getattr(client, method)(modelId=model, body=b'{"prompt": "Please."}')
    _ = response["body"].read() if surface == INVOKE else list(stream_of(response))


@pytest.mark.parametrize("surface", CALLS)
def test_every_fixture_can_be_injected(surface: str, nowhere: Any) -> None:
    """And is read as when the vendor sends it."""

    def call(fixture: Fixture) -> None:
        _call(nowhere, fixture.surface)

    check_fixtures("botocore", [one for one in FIXTURES if one.surface == surface], call)


@pytest.mark.parametrize("surface", [CONVERSE, CONVERSE_STREAM, INVOKE, INVOKE_STREAM])
def test_every_way_of_being_refused_can_be_injected(surface: str, nowhere: Any) -> None:
    """Converse by guardrail and by filter; InvokeModel in the body of Claude; streams in AWS's frames."""
    check_scenarios("botocore", lambda: _call(nowhere, surface))


@pytest.mark.parametrize("surface", [INVOKE, INVOKE_STREAM])
@pytest.mark.parametrize("model", ["amazon.nova-pro-v1:0", "amazon.titan-text-express-v1"])
def test_other_families_are_refused_in_their_own_words(model: str, surface: str, nowhere: Any) -> None:
    """Text alone has a form in all of them; only a guardrail's trace names a category."""
    check_scenarios("botocore", lambda: _invoke(nowhere, surface, model), hides_thinking=True)


@pytest.mark.parametrize("surface", [INVOKE, INVOKE_STREAM])
def test_llama_is_refused_by_a_guardrail(surface: str, nowhere: Any) -> None:
    """It has no filter of its own: without a category the guardrail gives no trace."""
    model = "meta.llama3-70b-instruct-v1:0"
    with RefusalRecorder() as recorder:
        for scenario in (
            Scenario(category="hate", stage="mid_stream"),
            Scenario(category=None),
            Scenario(outcome="completed"),
        ):
            with inject("botocore", scenario):
                _invoke(nowhere, surface, model)

    assert {"refused": 2, "completed": 1} == recorder.operations
    told = [(refusal.category, refusal.stage, refusal.discarded_output_tokens) for refusal in recorder.refusals]
    assert [("hate", "mid_stream", 12), ("guardrail", "pre_output", 0)] == told


def test_a_family_that_is_not_spoken_is_told(nowhere: Any) -> None:
    """Nothing is made up for it, and the SDK does not try again."""
    with inject("botocore"), pytest.raises(CallBlocked, match="'ai21.jamba'.*give a fixture"):
        nowhere.invoke_model(modelId="ai21.jamba", body=b"{}")
    tool = Scenario(outcome="tool_call")
    with inject("botocore", tool), pytest.raises(CallBlocked, match="no form for a tool call"):
        nowhere.invoke_model(modelId="amazon.titan-text", body=b"{}")
