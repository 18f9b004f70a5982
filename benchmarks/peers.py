"""The other instrumentations of the anthropic and openai SDKs, as their users switch them on and off.

Read in the environment of each, so it imports none of them before it is asked to.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
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
        requirements: Names of the distributions to install.
        modules: What an application imports to switch it on.
        on: Switches it on, and returns what switches it off.
        current: Whether it makes its span the current one while the SDK works, for every call.
    """

    title: str
    requirements: tuple[str, ...]
    modules: tuple[str, ...]
    on: Callable[[Providers], Callable[[], object]]
    current: bool = True

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

    _configure_logfire(providers.processor)
    off = ExitStack()
    # As it comes, it suppresses every other instrumentation during its calls, ours too.
    off.enter_context(logfire.instrument_anthropic(suppress_other_instrumentation=False))
    off.enter_context(logfire.instrument_openai(suppress_other_instrumentation=False))
    return off.close


@cache  # a second time, it would shut the processor down
def _configure_logfire(processor: object) -> None:
    import logfire

    logfire.configure(
        send_to_logfire=False, console=False, inspect_arguments=False, additional_span_processors=[processor]
    )


_OTEL = "opentelemetry.instrumentation"

PEERS: dict[str, Peer] = {
    "openllmetry": Peer(
        "OpenLLMetry",
        ("opentelemetry-instrumentation-anthropic", "opentelemetry-instrumentation-openai"),
        (f"{_OTEL}.anthropic", f"{_OTEL}.openai"),
        _instrumentors(f"{_OTEL}.anthropic:AnthropicInstrumentor", f"{_OTEL}.openai:OpenAIInstrumentor"),
        current=False,
    ),
    "official": Peer(
        "OpenTelemetry GenAI",
        ("opentelemetry-instrumentation-genai-anthropic", "opentelemetry-instrumentation-genai-openai"),
        (f"{_OTEL}.genai.anthropic", f"{_OTEL}.genai.openai"),
        _instrumentors(f"{_OTEL}.genai.anthropic:AnthropicInstrumentor", f"{_OTEL}.genai.openai:OpenAIInstrumentor"),
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
    "openlit": Peer("OpenLIT", ("openlit",), ("openlit",), _openlit, current=False),
    "logfire": Peer("Logfire", ("logfire",), ("logfire",), _logfire),
}
