"""One call by each vendor's real SDK that ends refused, against an endpoint of this process.

The key is no key, retries are off where they can be, and the proxies of the environment are not used: nothing of a
call leaves the machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from typing import Any

from otel_refusals.testing.stub import Reply, StubServer

MODEL = "otel-refusals-doctor"

_KEY = "no-key"
_PROMPT = "A synthetic refusal, made by otel-refusals doctor."
_MESSAGES = [{"role": "user", "content": _PROMPT}]


@dataclass(frozen=True, slots=True)
class _Call:
    """How a vendor is called, and the body of its wire that answers."""

    make: Callable[[str], object]
    answer: str


def callable_vendors() -> frozenset[str]:
    """The vendors that can be called."""
    return frozenset(_CALLS)


def refused_call(vendor: str) -> None:
    """Make the call.

    Raises:
        Exception: whatever the SDK raises.
    """
    call = _CALLS[vendor]
    folder, name = call.answer.split("/")
    body = (files("otel_refusals.testing") / "wire" / folder / name).read_bytes()
    with StubServer(lambda _: Reply(body)) as server, _no_proxies():
        call.make(server.url)


@contextmanager
def _no_proxies() -> Iterator[None]:
    proxies = {name: os.environ.pop(name) for name in list(os.environ) if name.lower().endswith("_proxy")}
    try:
        yield
    finally:
        os.environ.update(proxies)


def _anthropic(url: str) -> object:
    sdk: Any = import_module("anthropic")
    client = sdk.Anthropic(base_url=url, api_key=_KEY, max_retries=0)
    return client.messages.create(model=MODEL, max_tokens=16, messages=_MESSAGES)


def _openai(url: str) -> object:
    sdk: Any = import_module("openai")
    client = sdk.OpenAI(base_url=f"{url}/v1", api_key=_KEY, max_retries=0)
    return client.chat.completions.create(model=MODEL, messages=_MESSAGES)


def _mistralai(url: str) -> object:
    module: Any = import_module("mistralai")
    if not hasattr(module, "Mistral"):
        module = import_module("mistralai.client")
    client = module.Mistral(api_key=_KEY, server_url=url)
    return client.chat.complete(model=MODEL, messages=_MESSAGES)


def _cohere(url: str) -> object:
    client = import_module("cohere").ClientV2(api_key=_KEY, base_url=url)
    return client.chat(model=MODEL, messages=_MESSAGES)


def _botocore(url: str) -> object:
    session = import_module("botocore.session").get_session()
    keys = {"aws_access_key_id": _KEY, "aws_secret_access_key": _KEY}
    client = session.create_client("bedrock-runtime", region_name="us-east-1", endpoint_url=url, **keys)
    messages = [{"role": "user", "content": [{"text": _PROMPT}]}]
    return client.converse(modelId=MODEL, messages=messages)


def _google_genai(url: str) -> object:
    client = import_module("google.genai").Client(vertexai=False, api_key=_KEY, http_options={"base_url": url})
    return client.models.generate_content(model=MODEL, contents=_PROMPT)


def _litellm(url: str) -> object:
    sdk: Any = import_module("litellm")
    return sdk.completion(
        model=f"anthropic/{MODEL}", messages=_MESSAGES, api_base=url, api_key=_KEY, max_retries=0, timeout=10
    )


_CALLS: Mapping[str, _Call] = {
    "anthropic": _Call(_anthropic, "anthropic/refusal_pre_output_cyber.json"),
    "openai": _Call(_openai, "openai/chat_refusal.json"),
    "mistralai": _Call(_mistralai, "mistral/chat_content_filter_pre_output.json"),
    "cohere": _Call(_cohere, "cohere/v2_chat_error_toxic_pre_output.json"),
    "google_genai": _Call(_google_genai, "gemini/prompt_blocked_safety.json"),
    "litellm": _Call(_litellm, "anthropic/refusal_pre_output_cyber.json"),
    "botocore": _Call(_botocore, "bedrock/converse_content_filtered.json"),
}
