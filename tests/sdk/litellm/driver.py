"""How to make one call through LiteLLM to each vendor, in every way that a caller can read the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import litellm

from tests.fixtures import Fixture

litellm.suppress_debug_info = True

LOOP = asyncio.new_event_loop()
"""For all asynchronous calls: early versions keep their HTTP client for whatever loop comes next."""

ASKED = "asked-model"
MESSAGES = [{"role": "user", "content": "Please."}]
_KEY = {"api_key": "key", "max_retries": 0}
_AWS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "aws_region_name": "us-east-1"}


@dataclass(frozen=True)
class Route:
    """One vendor behind LiteLLM."""

    provider: str
    model: str
    address: Callable[[str], dict[str, Any]]
    function: str = "completion"
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def asked(self) -> str:
        """The model as the vendor is asked for it."""
        return self.model.rpartition("/")[2]

    def arguments(self, url: str, **more: Any) -> dict[str, Any]:
        """What LiteLLM is called with, to reach the vendor at `url`."""
        asked = {"messages": MESSAGES} if self.function == "completion" else {}
        if self.function == "responses":
            asked = {"input": "Please."}
        if self.function == "text_completion":
            asked = {"prompt": "Please."}
        return {"model": self.model, **asked, **self.address(url), **_KEY, **self.more, **more}


def _at(path: str) -> Callable[[str], dict[str, Any]]:
    return lambda url: {"api_base": f"{url}{path}"}


ANTHROPIC = Route("anthropic", f"anthropic/{ASKED}", _at(""))
GEMINI = Route("gcp.gemini", f"gemini/{ASKED}", _at(f"/v1beta/models/{ASKED}"))
BEDROCK = Route("aws.bedrock", f"bedrock/converse/{ASKED}", lambda url: {"aws_bedrock_runtime_endpoint": url, **_AWS})
OPENAI = Route("openai", f"openai/{ASKED}", _at("/v1"))
AZURE = Route("azure.ai.openai", f"azure/{ASKED}", _at(""), more={"api_version": "2024-10-21"})
TEXT = Route("openai", f"text-completion-openai/{ASKED}", _at("/v1"), "text_completion")
RESPONSES = Route("openai", "openai/gpt-4o", _at("/v1"), "responses")  # one that LiteLLM knows to stream
MISTRAL = Route("mistral_ai", f"mistral/{ASKED}", _at("/v1"))
COHERE = Route("cohere", f"cohere_chat/{ASKED}", _at("/v2/chat"))

ROUTES: dict[str, Route] = {
    "anthropic/messages": ANTHROPIC,
    "gemini/gemini.generate_content": GEMINI,
    "bedrock/bedrock.converse": BEDROCK,
    "bedrock/bedrock.converse_stream": BEDROCK,
    "openai/chat": OPENAI,
    "azure_openai/chat": AZURE,
    "openai/completions": TEXT,
    "openai/responses": RESPONSES,
    "mistral/mistral.chat": MISTRAL,
    "cohere/cohere.v2": COHERE,
}
"""By the folder and the surface of a fixture."""


@dataclass(frozen=True)
class Way:
    """One way to make a call and read its answer."""

    route: Route
    streamed: bool
    is_async: bool

    @property
    def name(self) -> str:
        """For the name of a test."""
        prefix = "a" if self.is_async else ""
        return f"{prefix}{self.route.function}{' stream' if self.streamed else ''} {self.route.model.partition('/')[0]}"

    def __call__(self, url: str, **more: Any) -> None:
        """Make the call and read the answer to its end."""
        arguments = self.route.arguments(url, **more)
        if self.streamed:
            arguments["stream"] = True
        if self.is_async:
            LOOP.run_until_complete(self._run_async(arguments))
        else:
            answer = getattr(litellm, self.route.function)(**arguments)
            for _ in answer if self.streamed else ():
                pass

    async def _run_async(self, arguments: dict[str, Any]) -> None:
        answer = await getattr(litellm, f"a{self.route.function}")(**arguments)
        if self.streamed:
            async for _ in answer:
                pass


def ways(fixture: Fixture) -> Iterator[Way]:
    """Every way to get the answer of `fixture` through LiteLLM."""
    route = ROUTES.get(f"{fixture.path.partition('/')[0]}/{fixture.surface}")
    if route is not None and hasattr(litellm, route.function):
        for is_async in (False, True):
            yield Way(route, fixture.streamed, is_async)
