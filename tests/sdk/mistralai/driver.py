"""How to make one call with the real mistralai SDK, in every way that a caller can read the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from inspect import signature
from typing import Any

from tests.fixtures import Fixture

try:
    from mistralai.client import Mistral, errors
except ImportError:  # version 1
    from mistralai import Mistral
    from mistralai import models as errors

TELLS_THE_BODY = hasattr(errors, "ResponseValidationError")
"""Whether the exception for an answer that the SDK cannot decode holds that answer."""

MESSAGES = [{"role": "user", "content": "Please."}]
GUARDRAILS = [{"moderation_llm_v1": {"action": "block"}, "moderation_llm_v2": {"action": "block"}}]

_MODEL = {"model": "asked-model"}
_ASKED = {**_MODEL, "inputs": "Please."}
_CONTINUED = {"conversation_id": "conv_1", "inputs": "Please."}

CALLS: dict[str, tuple[tuple[str, str, str, dict[str, Any]], ...]] = {
    "mistral.chat": (
        ("chat", "complete", "stream", {**_MODEL, "messages": MESSAGES}),
        ("agents", "complete", "stream", {"agent_id": "agent_1", "messages": MESSAGES}),
    ),
    "mistral.fim": (("fim", "complete", "stream", {**_MODEL, "prompt": "def"}),),
    "mistral.conversations": (
        ("beta.conversations", "start", "start_stream", _ASKED),
        ("beta.conversations", "append", "append_stream", _CONTINUED),
        ("beta.conversations", "restart", "restart_stream", {**_CONTINUED, "from_entry_id": "entry_1"}),
    ),
    "mistral.responses": (("responses", "create", "create", {**_MODEL, "input": "Please."}),),
}
"""By surface: resource, method, method that streams, arguments."""


def client(url: str) -> Mistral:
    """A client of the vendor at `url`."""
    return Mistral(api_key="key", server_url=url)


def resource_of(mistral: Any, path: str) -> Any:
    """The resource at `path`; None where the installed SDK has none."""
    for name in path.split("."):
        mistral = getattr(mistral, name, None)
    return mistral


@dataclass(frozen=True)
class Way:
    """One way to make a call and read its answer."""

    resource: str
    method: str
    arguments: dict[str, Any]
    streamed: bool
    is_async: bool

    @property
    def name(self) -> str:
        """For the name of a test."""
        return f"{self.resource}.{self.method}{'_async' if self.is_async else ''}"

    def takes(self, parameter: str) -> bool:
        """Whether the method of the installed SDK has this parameter."""
        with client("http://127.0.0.1") as mistral:
            return parameter in signature(getattr(resource_of(mistral, self.resource), self.method)).parameters

    def __call__(self, url: str, **more: Any) -> None:
        """Make the call and read the answer to its end."""
        arguments = {**self.arguments, **more}
        if self.resource == "responses" and self.streamed:
            arguments["stream"] = True
        if self.is_async:
            asyncio.run(self._run_async(url, arguments))
        else:
            with client(url) as mistral:
                answer = getattr(resource_of(mistral, self.resource), self.method)(**arguments)
                for _ in answer if self.streamed else ():
                    pass

    async def _run_async(self, url: str, arguments: dict[str, Any]) -> None:
        async with client(url) as mistral:
            answer = await getattr(resource_of(mistral, self.resource), f"{self.method}_async")(**arguments)
            if self.streamed:
                async for _ in answer:
                    pass


def ways(fixture: Fixture) -> Iterator[Way]:
    """Every way to get the answer of `fixture` with the installed SDK."""
    for resource, method, streaming, arguments in CALLS.get(fixture.surface, ()):
        if _is_there(resource):
            for is_async in (False, True):
                name = streaming if fixture.streamed else method
                yield Way(resource, name, arguments, fixture.streamed, is_async)


@cache
def _is_there(resource: str) -> bool:
    with client("http://127.0.0.1") as probe:
        return resource_of(probe, resource) is not None
