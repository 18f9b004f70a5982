"""The other instrumentations of the anthropic and openai SDKs, as their users switch them on.

Imported in the environment of each, so it imports none of them by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import Any

SHOWN = ("anthropic", "openai", "opentelemetry-api", "wrapt")


@dataclass(frozen=True)
class Peer:
    """One of the others."""

    title: str
    requirements: tuple[str, ...]
    modules: tuple[str, ...]
    instrument: Callable[[Any], object]


def _instrumentors(*paths: str) -> Callable[[Any], object]:
    """Instrument by the OpenTelemetry instrumentors at `module:class`."""

    def instrument(providers: Any) -> None:
        for path in paths:
            module, _, name = path.partition(":")
            getattr(import_module(module), name)().instrument(
                tracer_provider=providers.tracer,
                meter_provider=providers.meter,
                logger_provider=providers.logger,
            )

    return instrument


PEERS: dict[str, Peer] = {}


def versions() -> dict[str, str]:
    """The versions that were measured, by distribution."""
    return {name: metadata.version(name) for name in SHOWN}
