"""Gateways and servers that speak a vendor's wire get the name of who serves the model there."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import openai
import pytest

from otel_refusals import ConfigurationError
from otel_refusals.config import configure
from otel_refusals.gateways import PROVIDERS, provider_at
from otel_refusals.testing import StubServer
from tests.fixtures import fixture
from tests.telemetry import Recorded

COMPLETED = fixture("openai/chat_completed.json").reply


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://My-Resource.openai.azure.com/openai", "azure.ai.openai"),
        ("https://us-east5-aiplatform.googleapis.com/v1", "gcp.vertex_ai"),
        ("https://generativelanguage.googleapis.com/v1beta/openai", "gcp.gemini"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("http://localhost:11434/v1", "ollama"),
        ("http://localhost:8000/v1", None),
        ("https://notapi.openai.com.evil.example/v1", None),
    ],
)
def test_the_address_tells_who_serves_the_model(url: str, provider: str | None) -> None:
    """By host and port, by host, or by a parent domain; never by a mere likeness."""
    assert provider == provider_at(httpx2.URL(url), PROVIDERS)


def test_a_known_gateway_is_told_on_the_metrics(recorded: Recorded, vendor: StubServer) -> None:
    """And an address that nobody knows stays what the SDK is made for."""
    vendor.queue(COMPLETED, COMPLETED)
    with openai.OpenAI(base_url=f"{vendor.url}/v1", api_key="key", max_retries=0) as client:
        client.chat.completions.create(model="m", messages=[])
        # The same client at another address: the real host is not asked, only its name is looked at.
        transport = httpx2.HTTPTransport()
        with httpx2.Client(mounts={"https://": _To(vendor.url, transport)}) as http:
            groq = client.with_options(base_url="https://api.groq.com/openai/v1", http_client=http)
            groq.chat.completions.create(model="m", messages=[])

    assert {"openai": 1, "groq": 1} == recorded.sums("refusal.client.operations", "gen_ai.provider.name")


def test_the_configuration_names_an_address_of_ones_own(
    instrument: Callable[..., Recorded], vendor: StubServer
) -> None:
    """A vLLM server, say; it wins over everything else."""
    recorded = instrument(providers={vendor.url.removeprefix("http://"): "vllm"})
    vendor.queue(COMPLETED)
    with openai.OpenAI(base_url=f"{vendor.url}/v1", api_key="key", max_retries=0) as client:
        client.chat.completions.create(model="m", messages=[])

    assert {"vllm": 1} == recorded.sums("refusal.client.operations", "gen_ai.provider.name")


def test_the_environment_names_addresses_too() -> None:
    """As a list of pairs."""
    config = configure(environ={"OTEL_REFUSALS_PROVIDERS": "LLM.example:8000=vllm, models.corp=acme"})

    assert {"llm.example:8000": "vllm", "models.corp": "acme"} == config.providers


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("llm.example", "'llm.example' is not of the form host=provider"),
        ("http://llm.example=vllm", "'http://llm.example' is no host"),
        ("llm.example=v llm", "'v llm' for 'llm.example' is no provider name"),
    ],
)
def test_a_bad_address_is_named(value: str, said: str) -> None:
    """With the variable it comes from."""
    with pytest.raises(ConfigurationError, match=said) as raised:
        configure(environ={"OTEL_REFUSALS_PROVIDERS": value})

    assert "OTEL_REFUSALS_PROVIDERS" in str(raised.value)


class _To(httpx2.BaseTransport):
    """Sends every request to one server, whatever its address."""

    def __init__(self, url: str, inner: httpx2.BaseTransport) -> None:
        self._url = httpx2.URL(url)
        self._inner = inner

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.url = request.url.copy_with(scheme="http", host=self._url.host, port=self._url.port)
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()
