"""What a vendor is: a table. Where its SDK is seen, which of its endpoints generate, and who reads them.

The law of this module: data, and pure functions over the arguments and the client of a call. A vendor that needs more
code than that beyond its reader shows that the engine is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from otel_refusals.outcome import Ending, Outcome
from otel_refusals.reader import Reader

Look = Callable[[Any], Ending | None]
"""What a whole answer says that ended as most do, be it the SDK's or its JSON; None of one that has to be read. Never
raises, and says what the reader would."""

Operation = Literal["chat", "text_completion", "generate_content", "apply_guardrail"]
"""Values of `gen_ai.operation.name` that generate. The last is ours: the conventions have no word for a call that asks
a guardrail alone, and it declines like any."""

Seam = Literal[
    "call",
    "async_call",
    "native_span",
    "method",
    "async_method",
    "generator",
    "opening",
    "started_span",
    "answered_span",
    "failed_span",
    "closed_span",
    "parse_event",
    "aws_call",
    "async_aws_call",
    "relay",
    "async_relay",
    "relay_attempt",
    "relay_request",
    "async_relay_request",
    "relay_call",
    "async_relay_call",
    "relay_next",
    "async_relay_next",
]
"""What stands at a chokepoint. Of the SDKs that Stainless generates: the method that every call passes, in its two
forms, and the function that ends the SDK's own span of a call. Of others: a method that is one operation, and,
synchronous or not, a generator function that yields the items of one, and a context manager that opens their stream.
Of those that Speakeasy generates: what starts and ends the SDK's own span. Of a WebSocket: the method that parses an
event. Of the AWS SDKs: the method that makes the requests of all services, in its two forms.
Of LiteLLM: a function that is one operation, what it logs a request with before it makes it, what makes it, over HTTP
or by the openai SDK, and what gives the next item of a stream."""


class ReaderType(Protocol):
    """A reader class: made once per operation, and able to say whether a wire object is one of its own."""

    def __call__(self) -> Reader:
        """Make the reader of one operation."""
        ...

    def reads(self, wire: object, /) -> bool:
        """Whether `wire` has the shape that this reader reads."""
        ...


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of a WebSocket, on which several operations may take turns or run side by side.

    Args:
        lane: Tells the operations of one connection apart, as far as the wire does.
        endpoint: Who reads it.
        wire: What is read.
        first: Whether it begins an operation.
        last: Whether it ends one.
    """

    lane: str
    endpoint: Endpoint
    wire: object
    first: bool
    last: bool


@dataclass(frozen=True, slots=True)
class Chokepoint:
    """One attribute of one SDK module that is wrapped when the application imports the module.

    Args:
        module: Dotted name of the module.
        name: Attribute path inside it, for example `SyncAPIClient.request`.
        seam: Which of the engine's wrappers goes there.
        since: The first SDK version that has it; before that its absence is no fault. Empty: always there.
        endpoint: Of a method: what it calls, or a function that tells it from the arguments by their names; None from
            it for a call that does not generate. Where calls of all kinds pass, they are routed by URL instead.
        model: Of a method: the path to the requested model in its arguments, or a function that finds it from the
            object that has the method and the arguments.
        items: Of a method: the attribute of its result that holds the iterator of a stream.
        part_of: Of a method: a module of the SDK whose own methods are operations, and which calls this one for them.
        frame: Of a WebSocket: what an event of it says about which operation; None from it for any other event.
    """

    module: str
    name: str
    seam: Seam
    since: str = ""
    endpoint: Endpoint | Callable[[Mapping[str, Any]], Endpoint | None] | None = None
    model: tuple[str, ...] | Callable[[Any, Mapping[str, Any]], str | None] = ("model",)
    items: str = ""
    part_of: str = ""
    frame: Callable[[Any], Frame | None] | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route that generates.

    Args:
        method: HTTP method, upper case.
        path: The path as the SDK spells it; `{id}` stands for one segment.
        operation: Value of `gen_ai.operation.name`.
        reader: Makes the reader of one operation.
        results: `once`: a result is seen by its call only. `stored`: it can be asked for again by its id. `replayed`:
            the route shows stored results again, by polls and retrievals; each is reported once per id, and a failure
            to fetch one is not an operation. `each`: the route lists the results of many operations, and so again.
        runs_tools: Whether the SDK may run the tools that the model asks for, and go on, within the operation.
        plain: What tells the outcome of most whole answers by one look.
    """

    method: str
    path: str
    operation: Operation
    reader: ReaderType
    results: Literal["once", "stored", "replayed", "each"] = "once"
    runs_tools: bool = False
    plain: Look | None = None


@dataclass(frozen=True, slots=True)
class Endings:
    """The words by which responses say how they ended, as code on top of the SDK meets them.

    Args:
        fields: The members that hold a stop reason, in the spellings of the SDK and of its JSON; with the member around
            it before a dot, where the name alone says nothing.
        reasons: The stop reasons that are no refusal, with the outcome that each one is.
        refusals: Those that are one, the usual one first.
    """

    fields: tuple[str, ...]
    reasons: Mapping[str, type[Outcome]]
    refusals: tuple[str, ...]


def by_class(default: str, platforms: Mapping[str, str]) -> Callable[[Any], str]:
    """A function from a client to its provider.

    Args:
        default: The provider of a client that is of no other platform.
        platforms: Class name to provider, for clients of other platforms; the class or any of its bases.
    """
    known: dict[type, str] = {}

    def provider_of(client: Any) -> str:
        cls = type(client)
        provider = known.get(cls)
        if provider is None:
            named = (platforms.get(base.__name__) for base in cls.__mro__)
            provider = known[cls] = next(filter(None, named), default)
        return provider

    return provider_of


@dataclass(frozen=True, slots=True)
class Vendor:
    """One SDK that is patched.

    Args:
        name: Short name, as in the entry point `refusals_<name>`.
        requires: The supported versions, as a requirement.
        providers: The values of `gen_ai.provider.name` that its clients can have, the usual one first.
        provider_of: The one of a client that makes a call, or of its resource.
        chokepoints: Where the SDK is seen.
        endpoints: What is seen there.
        endings: How what is seen there says that it ended; what `otel-refusals scan` looks for in code.
    """

    name: str
    requires: str
    providers: tuple[str, ...]
    provider_of: Callable[[Any], str]
    chokepoints: tuple[Chokepoint, ...]
    endpoints: tuple[Endpoint, ...]
    endings: tuple[Endings, ...] = ()

    def router(self) -> Callable[[str, str], Endpoint | None]:
        """A function from method and URL to the endpoint, None for a route that does not generate.

        A URL may be a path, carry a query, a version prefix or a host: applications call `client.post(...)` by hand.
        """
        table = [(end.method, re.compile(_pattern(end.path)), end) for end in self.endpoints]
        # The SDKs write the method in lower case.
        exact = {(end.method.lower(), end.path): end for end in self.endpoints if "{" not in end.path}

        def route(method: str, url: str) -> Endpoint | None:
            path = url.partition("?")[0]
            found = exact.get((method, path))
            if found is not None:
                return found
            method, path = method.upper(), path.rstrip("/")
            for verb, pattern, endpoint in table:
                if verb == method and pattern.search(path):
                    return endpoint
            return None

        return route


def _pattern(path: str) -> str:
    return "(?:^|/)" + re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path.lstrip("/"))) + "$"
