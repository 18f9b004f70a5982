"""Where the cohere SDK is seen, and who reads what passes there.

The public clients, those for Bedrock and SageMaker included, call raw ones; `with_raw_response` is these. The public
`chat` of v1 is replaced on each client that is made, so it cannot be wrapped on the class.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otel_refusals.reader import field, items
from otel_refusals.vendor import Chokepoint, Endings, Endpoint, Vendor
from otel_refusals.vendors._cohere_chat import FINISH_REASONS, TOXIC, CohereReader, plain_answer

_PROVIDER = "cohere"
_OF_SERVICE = {"bedrock": "aws.bedrock", "sagemaker": "aws.sagemaker"}


def _provider_of(raw_client: Any) -> str:
    """AWS is told by what rewrites the requests: the raw client is the same."""
    hooks = items(field(raw_client, "_client_wrapper", "httpx_client", "httpx_client"), "_event_hooks", "request")
    for hook in hooks:
        if getattr(hook, "__module__", "") == "cohere.aws_client":
            closed_over = dict(zip(hook.__code__.co_freevars, hook.__closure__ or (), strict=False))
            return _OF_SERVICE.get(closed_over["service"].cell_contents, _PROVIDER)
    return _PROVIDER


_CHAT_V2 = Endpoint("POST", "/v2/chat", "chat", CohereReader, plain=plain_answer)
_CHAT_V1 = Endpoint("POST", "/v1/chat", "chat", CohereReader)
_GENERATE = Endpoint("POST", "/v1/generate", "text_completion", CohereReader)

_METHODS = (
    ("cohere.v2.raw_client", "RawV2Client", "chat", _CHAT_V2),
    ("cohere.raw_base_client", "RawBaseCohere", "chat", _CHAT_V1),
    ("cohere.raw_base_client", "RawBaseCohere", "generate", _GENERATE),
)


def _chokepoints() -> Iterator[Chokepoint]:
    for module, cls, method, endpoint in _METHODS:
        yield Chokepoint(module, f"{cls}.{method}", "method", endpoint=endpoint)
        yield Chokepoint(module, f"Async{cls}.{method}", "async_method", endpoint=endpoint)
        for name in (cls, f"Async{cls}"):
            yield Chokepoint(module, f"{name}.{method}_stream", "opening", endpoint=endpoint, items="_data")


VENDOR = Vendor(
    name="cohere",
    requires="cohere >= 5.16, < 8",
    providers=(_PROVIDER, *_OF_SERVICE.values()),
    provider_of=_provider_of,
    chokepoints=tuple(_chokepoints()),
    endpoints=(_CHAT_V2, _CHAT_V1, _GENERATE),
    endings=(Endings(("finish_reason",), FINISH_REASONS, (TOXIC,)),),
)
