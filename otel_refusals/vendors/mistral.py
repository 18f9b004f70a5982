"""Where the mistralai SDK is seen, and who reads what passes there.

Version 1 keeps its resources in `mistralai`, later ones in `mistralai.client`; the clients for Azure and Google Cloud
have copies of their own beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from otel_refusals.vendor import Chokepoint, Endings, Endpoint, Look, Seam, Vendor
from otel_refusals.vendors._mistral_chat import MistralChatReader
from otel_refusals.vendors._mistral_conversations import ConversationsReader
from otel_refusals.vendors._mistral_responses import MistralResponsesReader
from otel_refusals.vendors._openai_chat import FINISH_REASONS, plain_completion
from otel_refusals.vendors._openai_errors import CONTENT_FILTER

_PROVIDER = "mistral_ai"
_AZURE = "azure.ai.inference"
_GOOGLE = "gcp.vertex_ai"

_OF_CLIENT = {"mistralai_azure": _AZURE, "mistralai.azure": _AZURE, "mistralai_gcp": _GOOGLE, "mistralai.gcp": _GOOGLE}

Reader = type[MistralChatReader | ConversationsReader | MistralResponsesReader]


def _provider_of(resource: Any) -> str:
    module = type(resource).__module__
    return next((provider for name, provider in _OF_CLIENT.items() if module.startswith(name)), _PROVIDER)


class _Route:
    """An endpoint, told by what its caller says of guardrails: a 403 means one thing with them and another without.

    Args:
        path: Of the endpoint.
        operation: Value of `gen_ai.operation.name`.
        reader: Who reads it.
        elsewhere: Whether guardrails may have been configured before, on the agent or the conversation.
        plain: As an `Endpoint` has it.
    """

    def __init__(
        self,
        path: str,
        operation: Literal["chat", "text_completion"],
        reader: Reader,
        *,
        elsewhere: bool = False,
        plain: Look | None = None,
    ) -> None:
        self.usual = Endpoint("POST", path, operation, reader, plain=plain)
        self._guarded = Endpoint("POST", path, operation, _knowing(reader, guarded=True), plain=plain)
        self._unguarded = Endpoint("POST", path, operation, _knowing(reader, guarded=False), plain=plain)
        self._elsewhere = elsewhere

    def __call__(self, arguments: Mapping[str, Any]) -> Endpoint:
        """The endpoint of a call with these arguments."""
        if arguments.get("guardrails"):
            return self._guarded
        return self.usual if self._elsewhere or arguments.get("agent_id") else self._unguarded


def _knowing(reader: Reader, *, guarded: bool) -> Reader:
    known: Any = type(reader.__name__, (reader,), {"__slots__": (), "guarded": guarded})
    return known  # type: ignore[no-any-return]


_CHAT = _Route("/v1/chat/completions", "chat", MistralChatReader, plain=plain_completion)
_AGENTS = _Route("/v1/agents/completions", "chat", MistralChatReader, plain=plain_completion)
_FIM = _Route("/v1/fim/completions", "text_completion", MistralChatReader, plain=plain_completion)
_START = _Route("/v1/conversations", "chat", ConversationsReader)
_APPEND = _Route("/v1/conversations/{id}", "chat", ConversationsReader, elsewhere=True)
_RESTART = _Route("/v1/conversations/{id}/restart", "chat", ConversationsReader, elsewhere=True)
_RESPONSES = _Route("/v1/responses", "chat", MistralResponsesReader)

_COMPLETIONS = ("complete", "stream")

_METHODS: tuple[tuple[str, str, tuple[str, ...], _Route], ...] = (
    ("chat", "Chat", _COMPLETIONS, _CHAT),
    ("agents", "Agents", _COMPLETIONS, _AGENTS),
    ("fim", "Fim", _COMPLETIONS, _FIM),
    ("conversations", "Conversations", ("start", "start_stream"), _START),
    ("conversations", "Conversations", ("append", "append_stream"), _APPEND),
    ("conversations", "Conversations", ("restart", "restart_stream"), _RESTART),
    ("responses", "Responses", ("create",), _RESPONSES),
)
"""Module, class, methods (each with an asynchronous twin) and what they call."""

_PACKAGES: tuple[tuple[str, frozenset[str]], ...] = (
    ("mistralai", frozenset({"chat", "agents", "fim", "conversations"})),
    ("mistralai_azure", frozenset({"chat"})),
    ("mistralai_gcp", frozenset({"chat", "fim"})),
    ("mistralai.client", frozenset({"chat", "agents", "fim", "conversations", "responses"})),
    ("mistralai.azure.client", frozenset({"chat"})),
    ("mistralai.gcp.client", frozenset({"chat", "fim"})),
)
"""Where they are: first as of version 1, then as of later ones."""


_HOOKS: tuple[tuple[str, Seam], ...] = (
    ("get_traced_request_and_span", "started_span"),
    ("get_traced_response", "answered_span"),
    ("get_response_and_error", "failed_span"),
)
"""Functions by which the SDK makes and ends its own span, and what goes around them. The spans of version 1 are of
requests, with nothing of GenAI on them."""


def _chokepoints() -> Iterator[Chokepoint]:
    for package, modules in _PACKAGES:
        for module, cls, methods, route in _METHODS:
            for method in methods if module in modules else ():
                name = f"{cls}.{method}"
                yield Chokepoint(f"{package}.{module}", name, "method", endpoint=route, items="generator")
                yield Chokepoint(
                    f"{package}.{module}", f"{name}_async", "async_method", endpoint=route, items="generator"
                )
    for name, seam in _HOOKS:
        yield Chokepoint("mistralai.client._hooks.tracing", name, seam, since="2.0")
    closed = "TracedResponse._finalize_span"
    yield Chokepoint("mistralai.extra.observability.otel", closed, "closed_span", since="2.0")


VENDOR = Vendor(
    name="mistralai",
    requires="mistralai >= 1.5, < 4",
    providers=(_PROVIDER, _AZURE, _GOOGLE),
    provider_of=_provider_of,
    chokepoints=tuple(_chokepoints()),
    endpoints=tuple(route.usual for *_, route in _METHODS),
    endings=(Endings(("finish_reason",), FINISH_REASONS, (CONTENT_FILTER,)),),
)
