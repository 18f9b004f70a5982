"""The testing kit: exercise every way of being refused in your own code, with the vendors' own SDKs.

    from otel_refusals.testing import inject

    with inject("anthropic", stage="mid_stream", category="cyber", after_tokens=40):
        application.answer("...")  # its own client, no key, no network

See `docs/testing.md`. Nothing is imported before it is asked for: pytest loads the plugin at every start.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otel_refusals.testing.choice import Chooser
    from otel_refusals.testing.fixtures import Wire, wire, wires
    from otel_refusals.testing.injection import CallBlocked, Injection, inject
    from otel_refusals.testing.recorder import RecordedRefusal, RefusalRecorder
    from otel_refusals.testing.scenario import WAYS, Scenario, ScenarioError, ways_of
    from otel_refusals.testing.speakers.turn import NotSpokenError
    from otel_refusals.testing.stub import Reply, Request, StubServer

__all__ = [
    "WAYS",
    "CallBlocked",
    "Chooser",
    "Injection",
    "NotSpokenError",
    "RecordedRefusal",
    "RefusalRecorder",
    "Reply",
    "Request",
    "Scenario",
    "ScenarioError",
    "StubServer",
    "Wire",
    "inject",
    "ways_of",
    "wire",
    "wires",
]

_MODULES = {
    "choice": ("Chooser",),
    "fixtures": ("Wire", "wire", "wires"),
    "injection": ("CallBlocked", "Injection", "inject"),
    "recorder": ("RecordedRefusal", "RefusalRecorder"),
    "scenario": ("WAYS", "Scenario", "ScenarioError", "ways_of"),
    "speakers.turn": ("NotSpokenError",),
    "stub": ("Reply", "Request", "StubServer"),
}
_HOMES = {name: module for module, provided in _MODULES.items() for name in provided}


if not TYPE_CHECKING:  # to a type checker, it would be every name

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
