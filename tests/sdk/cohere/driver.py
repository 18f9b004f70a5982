"""How to make one call with the real cohere SDK, in every way that a caller can read the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import cohere
import cohere.client_v2

from tests.fixtures import Fixture

_MODEL = {"model": "asked-model"}

CALLS: dict[str, tuple[tuple[str, str, str, dict[str, Any]], ...]] = {
    "cohere.v2": (
        ("ClientV2", "", "chat", {**_MODEL, "messages": [{"role": "user", "content": "Please."}]}),
        ("Client", "v2", "chat", {**_MODEL, "messages": [{"role": "user", "content": "Please."}]}),
    ),
    "cohere.v1": (("Client", "", "chat", {**_MODEL, "message": "Please."}),),
    "cohere.generate": (
        ("Client", "", "generate", {**_MODEL, "prompt": "Please."}),
        ("ClientV2", "", "generate", {**_MODEL, "prompt": "Please."}),
    ),
}
"""By surface: client, resource, method, arguments."""


def client(url: str, name: str = "ClientV2", **settings: Any) -> Any:
    """A client of the vendor at `url`."""
    return getattr(cohere, name)(api_key="key", base_url=url, **settings)


@dataclass(frozen=True)
class Way:
    """One way to make a call and read its answer."""

    client: str
    resource: str
    method: str
    arguments: dict[str, Any]
    streamed: bool
    is_async: bool
    raw: bool

    @property
    def name(self) -> str:
        """For the name of a test."""
        parts = ["Async" * self.is_async + self.client, self.resource, "with_raw_response" * self.raw, self.method]
        return ".".join(filter(None, parts))

    def __call__(self, url: str) -> None:
        """Make the call and read the answer to its end."""
        if self.is_async:
            asyncio.run(self._run_async(url))
            return
        with client(url, self.client) as caller:
            answer = self._method(caller)(**self.arguments, **_ONCE)
            if not self.streamed:
                return
            with answer if self.raw else nullcontext(answer) as stream:
                for _ in stream.data if self.raw else stream:
                    pass

    async def _run_async(self, url: str) -> None:
        async with client(url, f"Async{self.client}") as caller:
            answer = self._method(caller)(**self.arguments, **_ONCE)
            if not self.streamed:
                await answer
                return
            async with answer if self.raw else nullcontext(answer) as stream:
                async for _ in stream.data if self.raw else stream:
                    pass

    def _method(self, caller: Any) -> Any:
        resource = getattr(caller, self.resource) if self.resource else caller
        return getattr(resource.with_raw_response if self.raw else resource, self.method)


_ONCE: dict[str, Any] = {"request_options": {"max_retries": 0}}


def ways(fixture: Fixture) -> Iterator[Way]:
    """Every way to get the answer of `fixture`."""
    for name, resource, method, arguments in CALLS.get(fixture.surface, ()):
        if method == "generate" and name == "ClientV2" and not hasattr(cohere.client_v2, "_CombinedRawClient"):
            continue  # this version's client of v2 fails to find it
        streaming = f"{method}_stream" if fixture.streamed else method
        for is_async in (False, True):
            for raw in (False, True):
                yield Way(name, resource, streaming, arguments, fixture.streamed, is_async, raw)
