"""A botocore client that talks to the loopback vendor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore.config import Config

from otel_refusals.testing import Reply, StubServer
from tests.sdk.botocore.calls import CALLS, SETTINGS, leave_out_unless

_session = botocore.session.Session()


@pytest.fixture(scope="session")
def make_client(_server: StubServer) -> Callable[[str], Any]:
    """Makes a client of a service of AWS, without retries."""

    def make(service: str) -> Any:
        config = Config(retries={"max_attempts": 0})
        return _session.create_client(service, endpoint_url=_server.url, config=config, **SETTINGS)

    return make


@pytest.fixture(scope="session")
def bedrock(make_client: Callable[[str], Any]) -> Any:
    """A Bedrock client, made once: wrapping works on clients that exist already."""
    return make_client("bedrock-runtime")


@pytest.fixture
def call(bedrock: Any, vendor: StubServer) -> Callable[..., Any]:
    """Makes the call of a surface, which the vendor answers with `reply`."""

    def make(surface: str, reply: Reply, **arguments: Any) -> Any:
        method, usual = CALLS[surface]
        leave_out_unless(hasattr(bedrock, method), method)
        vendor.queue(reply)
        return getattr(bedrock, method)(**{**usual, **arguments})

    return make
