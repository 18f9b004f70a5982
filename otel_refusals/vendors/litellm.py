"""Where LiteLLM is seen, and who reads what passes there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otel_refusals.reader import text
from otel_refusals.vendor import Chokepoint, Endpoint, Seam, Vendor
from otel_refusals.vendors._litellm_relay import RelayReader

_CHAT = Endpoint("POST", "/chat/completions", "chat", RelayReader)
_TEXT = Endpoint("POST", "/completions", "text_completion", RelayReader)

_PROVIDERS = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "azure_text": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "bedrock_mantle": "aws.bedrock",
    "codestral": "mistral_ai",
    "cohere_chat": "cohere",
    "custom_openai": "openai",
    "gemini": "gcp.gemini",
    "hosted_vllm": "vllm",
    "mistral": "mistral_ai",
    "ollama_chat": "ollama",
    "text-completion-codestral": "mistral_ai",
    "text-completion-openai": "openai",
    "vertex_ai": "gcp.vertex_ai",
    "vertex_ai_beta": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "watsonx_text": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""LiteLLM's names to values of `gen_ai.provider.name`, where they are not the same."""

_UNKNOWN = "litellm"


def _provider_of(logging: Any) -> str:
    """The provider of a request, by what LiteLLM logs of it."""
    name = text(logging, "model_call_details", "custom_llm_provider") or text(logging, "custom_llm_provider")
    return _PROVIDERS.get(name, name) if name else _UNKNOWN


_COMPLETIONS = ("completion", "acompletion", "text_completion", "atext_completion")
_RESPONSES = ("responses", "aresponses")
_FUNCTIONS = (
    ("litellm.main", "", "", _COMPLETIONS),
    ("litellm.responses.main", "", "1.63", _RESPONSES),
    ("litellm", "", "", _COMPLETIONS),
    ("litellm", "", "1.63", _RESPONSES),
    ("litellm.router", "Router.", "1.106", _COMPLETIONS),
    ("litellm.router_python_core", "PythonCore.", "1.109", _COMPLETIONS),
    ("litellm.router_rust.core", "RustCore.", "1.110", (*_COMPLETIONS, "aresponses")),
)
"""Module, owner, since when, names of what is called. The package takes functions over by name, and calls them by
either name; its router, or what that leads to, makes several such calls for one of its own."""

_HTTP = "litellm.llms.custom_httpx.http_handler"
_OPENAI = "openai._base_client"
_STREAMS = "litellm.litellm_core_utils.streaming_handler"
_ITERATORS = "litellm.responses.streaming_iterator"


def _chokepoints() -> Iterator[Chokepoint]:
    for module, owner, since, names in _FUNCTIONS:
        for name in names:
            endpoint = _TEXT if name.endswith("text_completion") else _CHAT
            seam: Seam = "async_relay" if name.startswith("a") else "relay"
            yield Chokepoint(module, owner + name, seam, since=since, endpoint=endpoint)
    yield Chokepoint("litellm.litellm_core_utils.litellm_logging", "Logging.pre_call", "relay_attempt")
    yield Chokepoint(_HTTP, "HTTPHandler.post", "relay_request")
    yield Chokepoint(_HTTP, "AsyncHTTPHandler.post", "async_relay_request")
    yield Chokepoint(_OPENAI, "SyncAPIClient.request", "relay_call")
    yield Chokepoint(_OPENAI, "AsyncAPIClient.request", "async_relay_call")
    yield Chokepoint(_STREAMS, "CustomStreamWrapper.__next__", "relay_next")
    yield Chokepoint(_STREAMS, "CustomStreamWrapper.__anext__", "async_relay_next")
    yield Chokepoint("litellm.utils", "TextCompletionStreamWrapper.__next__", "relay_next")
    yield Chokepoint("litellm.utils", "TextCompletionStreamWrapper.__anext__", "async_relay_next")
    yield Chokepoint(_ITERATORS, "SyncResponsesAPIStreamingIterator.__next__", "relay_next", since="1.64")
    yield Chokepoint(_ITERATORS, "ResponsesAPIStreamingIterator.__anext__", "async_relay_next", since="1.64")


VENDOR = Vendor(
    name="litellm",
    requires="litellm >= 1.106, < 2",
    providers=(_UNKNOWN,),
    provider_of=_provider_of,
    chokepoints=tuple(_chokepoints()),
    endpoints=(_CHAT, _TEXT),
)
