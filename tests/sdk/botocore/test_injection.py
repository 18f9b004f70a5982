"""Injection reaches every operation of Bedrock, under botocore's own HTTP session."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from otel_refusals.testing import CallBlocked, inject
from tests.fixtures import FIXTURES, Fixture
from tests.injected import NOWHERE, check_fixtures, check_scenarios
from tests.sdk.botocore.calls import CALLS, CONVERSE, CONVERSE_STREAM, INVOKE, INVOKE_STREAM, SETTINGS, stream_of


@pytest.fixture(scope="module")
def nowhere() -> Any:
    """A client that can reach nobody."""
    config = Config(retries={"max_attempts": 0})
    session = botocore.session.Session()
    return session.create_client("bedrock-runtime", endpoint_url=NOWHERE, config=config, **SETTINGS)


def _call(client: Any, surface: str) -> None:
    method, arguments = CALLS[surface]
    if not hasattr(client, method):
        pytest.skip(f"this botocore has no {method}")
    with suppress(ClientError, EventStreamError):
        response = getattr(client, method)(**arguments)
        if surface == INVOKE:
            response["body"].read()
        elif surface in (CONVERSE_STREAM, INVOKE_STREAM):
            list(stream_of(response))


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


def test_a_family_that_is_not_spoken_is_told(nowhere: Any) -> None:
    """Nothing is made up for it, and the SDK does not try again."""
    with inject("botocore"), pytest.raises(CallBlocked, match="'amazon.titan-text'.*give a fixture"):
        nowhere.invoke_model(modelId="amazon.titan-text", body=b"{}")
