"""The other instrumentations of the anthropic and openai SDKs, as their users switch them on and off.

Read in the environment of each, so it imports none of them before it is asked to.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

from opentelemetry import _logs, metrics, trace


class Providers(Protocol):
    """Where a peer reports to."""

    tracer: Any
    meter: Any
    logger: Any
    processor: Any
    """The span processor of the tracer provider, for a peer that makes its own provider."""


@dataclass(frozen=True)
class Peer:
    """One of the others.

    Args:
        title: As its makers call it.
        requirements: What to install.
        modules: What an application imports to switch it on.
        on: Switches it on, and returns what switches it off.
        vendors: The SDKs that it knows.
        currents: Those of them for which it makes its span the current one while the SDK works.
    """

    title: str
    requirements: tuple[str, ...]
    modules: tuple[str, ...]
    on: Callable[[Providers], Callable[[], object]]
    vendors: frozenset[str] = frozenset({"anthropic", "openai"})
    currents: frozenset[str] = field(default=frozenset({"anthropic", "openai"}))

    @property
    def distributions(self) -> tuple[str, ...]:
        """The names of what is installed for it."""
        return tuple(one for one in self.requirements if one != "httpx")

    @property
    def installed(self) -> bool:
        """Whether all of it can be imported here."""
        return all(_found(module) for module in self.modules)


def _found(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # nor its parent
        return False


def _instrumentors(*paths: str) -> Callable[[Providers], Callable[[], object]]:
    """By OpenTelemetry instrumentors, each at `module:class`."""

    def on(providers: Providers) -> Callable[[], object]:
        off = ExitStack()
        for path in paths:
            module, _, name = path.partition(":")
            instrumentor = getattr(import_module(module), name)()
            instrumentor.instrument(
                tracer_provider=providers.tracer, meter_provider=providers.meter, logger_provider=providers.logger
            )
            off.callback(instrumentor.uninstrument)
        return off.close

    return on


def _openlit(providers: Providers) -> Callable[[], object]:
    import openlit  # type: ignore[import-not-found]
    from openlit._instrumentors import MODULE_NAME_MAP  # type: ignore[import-not-found]

    # It takes the global providers, and would ask the network for prices.
    trace.set_tracer_provider(providers.tracer)
    metrics.set_meter_provider(providers.meter)
    _logs.set_logger_provider(providers.logger)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as prices:
        json.dump({}, prices)
        prices.flush()
        disabled = [name for name in MODULE_NAME_MAP if name not in ("anthropic", "openai")]
        openlit.init(disabled_instrumentors=disabled, pricing_json=prices.name)
    off = ExitStack()
    for module, name in (("anthropic", "AnthropicInstrumentor"), ("openai", "OpenAIInstrumentor")):
        off.callback(getattr(import_module(f"openlit.instrumentation.{module}"), name)().uninstrument)
    return off.close


def _logfire(providers: Providers) -> Callable[[], object]:
    import logfire  # type: ignore[import-not-found]

    logfire.configure(
        send_to_logfire=False, console=False, inspect_arguments=False, additional_span_processors=[providers.processor]
    )
    off = ExitStack()
    # What they return switches it off at the exit of a `with` block.
    off.push(logfire.instrument_anthropic().__exit__)
    off.push(logfire.instrument_openai().__exit__)
    return off.close


_OTEL = "opentelemetry.instrumentation"

PEERS: dict[str, Peer] = {
    "openllmetry": Peer(
        "OpenLLMetry",
        ("opentelemetry-instrumentation-anthropic", "opentelemetry-instrumentation-openai"),
        (f"{_OTEL}.anthropic", f"{_OTEL}.openai"),
        _instrumentors(f"{_OTEL}.anthropic:AnthropicInstrumentor", f"{_OTEL}.openai:OpenAIInstrumentor"),
        currents=frozenset(),
    ),
    "official": Peer(
        "OpenTelemetry GenAI",
        ("opentelemetry-instrumentation-genai-anthropic", "opentelemetry-instrumentation-genai-openai"),
        (f"{_OTEL}.genai.anthropic", f"{_OTEL}.genai.openai"),
        _instrumentors(f"{_OTEL}.genai.anthropic:AnthropicInstrumentor", f"{_OTEL}.genai.openai:OpenAIInstrumentor"),
    ),
    "openai-v2": Peer(
        "OpenTelemetry openai-v2",
        ("opentelemetry-instrumentation-openai-v2", "httpx"),  # which it imports and does not ask for
        (f"{_OTEL}.openai_v2",),
        _instrumentors(f"{_OTEL}.openai_v2:OpenAIInstrumentor"),
        vendors=frozenset({"openai"}),
    ),
    "openinference": Peer(
        "OpenInference",
        ("openinference-instrumentation-anthropic", "openinference-instrumentation-openai"),
        ("openinference.instrumentation.anthropic", "openinference.instrumentation.openai"),
        _instrumentors(
            "openinference.instrumentation.anthropic:AnthropicInstrumentor",
            "openinference.instrumentation.openai:OpenAIInstrumentor",
        ),
    ),
    "openlit": Peer("OpenLIT", ("openlit",), ("openlit",), _openlit),
    "logfire": Peer("Logfire", ("logfire",), ("logfire",), _logfire),
}
