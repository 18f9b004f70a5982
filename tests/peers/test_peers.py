"""Other instrumentations in the same process, switched on and off before and after ours: nobody loses, nothing doubles.

Not part of the default run, because of what has to be installed: `make peers`, or `tox run -e peers` for two of them.
Every test is of the peers that are installed where it runs.
"""

from __future__ import annotations

import gc
import ssl
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import combinations, permutations
from typing import Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

import otel_refusals
from benchmarks.peers import PEERS
from otel_refusals.spans import is_call_span
from otel_refusals.testing import StubServer
from tests.conftest import _spans, _tracer_provider
from tests.drivers import ARGUMENTS, WAYS, clients, create_of, resource_of
from tests.fixtures import fixture
from tests.telemetry import Recorded

# The others warn of themselves, and of each other.
pytestmark = pytest.mark.filterwarnings("ignore")

INSTALLED = {name: peer for name, peer in PEERS.items() if peer.installed}
COMPANIES = [(name,) for name in INSTALLED] + [*combinations(INSTALLED, 2)]
REFUSALS = {
    "messages": ("anthropic/refusal_pre_output_cyber.json", "anthropic/stream_refusal_mid_text.sse"),
    "chat": ("openai/chat_refusal.json", "openai/chat_stream_content_filter_mid.sse"),
    "responses": ("openai/responses_refusal.json", "openai/responses_stream_refusal.sse"),
}
CALLS = {
    f"{surface}, {way.name}": (way, refusal)
    for surface, files in REFUSALS.items()
    for refusal in map(fixture, files)
    for way in WAYS
    if way.fits(refusal)
}

CLASSES = {
    cls
    for name, module in list(sys.modules.items())
    if name.partition(".")[0] in ("anthropic", "openai")
    for cls in vars(module).values()
    if isinstance(cls, type)
}

Off = Callable[[], object]


def methods() -> dict[tuple[type, str], Any]:
    """What the classes of both SDKs hold."""
    held = ((cls, name, value) for cls in CLASSES for name, value in list(vars(cls).items()))
    return {(cls, name): value for cls, name, value in held if callable(value) and not name.startswith("__")}


INSTALLED_METHODS = methods()


def restore() -> None:
    """The SDKs as they were installed: not every peer takes everything off again."""
    for (cls, name), value in methods().items():
        original = INSTALLED_METHODS.get((cls, name))
        if original is None:
            delattr(cls, name)
        elif original is not value:
            setattr(cls, name, original)


class Providers:
    """One backend for all."""

    tracer = _tracer_provider
    meter = MeterProvider()
    logger = LoggerProvider()
    processor = SimpleSpanProcessor(_spans)


@pytest.fixture(autouse=True, scope="module")
def _quick() -> Iterator[None]:
    """Hundreds of clients are made here, and garbage is collected after each call."""
    gc.collect()
    gc.freeze()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield
    gc.unfreeze()


def switch(name: str, recorded: Recorded | None) -> Off:
    """Switch one on, ours too; returns what switches it off."""
    if name != "ours":
        return PEERS[name].on(Providers())
    assert recorded is not None
    otel_refusals.instrument(
        tracer_provider=_tracer_provider,
        meter_provider=recorded.meter_provider,
        logger_provider=recorded.logger_provider,
    )
    return otel_refusals.uninstrument


@contextmanager
def switch_on(names: Iterable[str], recorded: Recorded | None = None) -> Iterator[None]:
    """Several on, in that order; off at the end, the last first, and nothing is left."""
    with ExitStack() as stack:
        stack.callback(restore)
        for name in names:
            stack.callback(switch(name, recorded))
        yield


@dataclass(frozen=True)
class Told:
    """What became of one call."""

    error: str
    """The class of the exception that the caller got."""
    spans: int
    """Spans of GenAI calls, but for those of ours."""
    own: int
    """Those of ours."""
    marked: int
    """Spans that tell how the call ended."""
    outcomes: dict[str, float]


def tell(name: str, vendor: StubServer, recorded: Recorded) -> Told:
    """Make one call."""
    way, refusal = CALLS[name]
    before = recorded.outcomes
    _spans.clear()
    vendor.queue(refusal.reply)
    error = ""
    try:
        way(refusal.surface, vendor.url)
    except Exception as raised:
        error = type(raised).__name__
    vendor.clear()
    gc.collect()
    spans = [span for span in _spans.get_finished_spans() if is_call_span(span.attributes or {})]
    own = [span for span in spans if span.instrumentation_scope and span.instrumentation_scope.name == "otel_refusals"]
    marked = [span for span in _spans.get_finished_spans() if "refusal.outcome" in (span.attributes or {})]
    outcomes = {word: total - before.get(word, 0) for word, total in recorded.outcomes.items()}
    outcomes = {word: total for word, total in outcomes.items() if total}
    return Told(error, len(spans) - len(own), len(own), len(marked), outcomes)


_alone: dict[tuple[str, ...], dict[str, Told]] = {}


def tell_without_us(company: tuple[str, ...], vendor: StubServer) -> dict[str, Told]:
    """Make every call with the others alone, once per company."""
    if company not in _alone:
        with switch_on(company):
            _alone[company] = {name: tell(name, vendor, Recorded(_tracer_provider, _spans)) for name in CALLS}
    return _alone[company]


@pytest.mark.parametrize(
    ("company", "at"),
    [
        pytest.param(company, at, id=f"{' and '.join(company)}, ours as number {at + 1}")
        for company in COMPANIES
        for at in range(len(company) + 1)
    ],
)
def test_each_call_is_reported_once_and_its_span_is_not_doubled(
    company: tuple[str, ...], at: int, vendor: StubServer
) -> None:
    """In whichever order they were switched on.

    A call that a peer breaks by itself stays as broken, and is counted all the same. A span of ours is made only where
    the peer's is not the current one, and then for the refusal alone.
    """
    recorded = Recorded(_tracer_provider, _spans)
    alone = tell_without_us(company, vendor)
    with switch_on((*company[:at], "ours", *company[at:]), recorded):
        found = {name: tell(name, vendor, recorded) for name in CALLS}

    may_make_spans = not any(PEERS[peer].current for peer in company)
    assert {} == {name: why for name in CALLS if (why := wrong(name, alone[name], found[name], may_make_spans))}


def wrong(call: str, alone: Told, found: Told, may_make_spans: bool) -> str:
    """What is not as it has to be with ours on; empty if all is."""
    if (alone.error, alone.spans) != (found.error, found.spans):
        return f"the others: {found}, without us {alone}"
    if sum(found.outcomes.values()) != 1 or not (found.error or found.outcomes == {"refused": 1}):
        return f"not one refusal: {found}"
    # The span of a peer may have ended when the body is read, or never end; a second one would double it.
    least = 0 if found.error or "stream" in call or "helper" in call else 1
    if not least <= found.marked <= 1 or (found.own and not may_make_spans):
        return f"not one span: {found}"
    return ""


@pytest.mark.parametrize("company", COMPANIES, ids=" and ".join)
def test_the_caller_gets_what_it_gets_without_us(company: tuple[str, ...], vendor: StubServer) -> None:
    """Objects of the types that the peers leave to it, with us below them and above."""

    def types() -> list[type]:
        found: list[type] = []
        for surface, (whole, streamed) in REFUSALS.items():
            make, _ = clients(surface, vendor.url)
            with make() as client:
                create = create_of(resource_of(client, surface), surface)
                vendor.queue(fixture(whole).reply, fixture(streamed).reply)
                found.append(type(create(**ARGUMENTS[surface])))
                with create(**ARGUMENTS[surface], stream=True) as stream:
                    found += [type(stream), *map(type, stream)]
        return found

    with switch_on(company):
        alone = types()
    for order in (("ours", *company), (*company, "ours")):
        with switch_on(order, Recorded(_tracer_provider, _spans)):
            assert [one.__name__ for one in alone] == [one.__name__ for one in types()]


@pytest.mark.parametrize("company", COMPANIES, ids=" and ".join)
def test_switched_off_in_any_order_the_sdks_are_as_the_peers_leave_them(
    company: tuple[str, ...], vendor: StubServer
) -> None:
    """Everything is restored that they restore, and nothing of ours is left anywhere."""
    for on in permutations((*company, "ours")):
        for off in permutations((*company, "ours")):
            of_peers = cycle([name for name in on if name != "ours"], [name for name in off if name != "ours"], None)
            recorded = Recorded(_tracer_provider, _spans)
            assert of_peers == cycle(on, off, recorded), f"on: {on}, off: {off}"
            assert {} == recorded.outcomes


@pytest.mark.parametrize("company", COMPANIES, ids=" and ".join)
def test_what_others_leave_when_they_are_switched_off_does_not_lead_past_ours(
    company: tuple[str, ...], vendor: StubServer
) -> None:
    """They went before ours came, or while ours was there, or put ours back when it was off."""
    for steps in (["theirs", "ours"], ["ours", "theirs"], ["ours", "theirs, ours off", "ours"]):
        recorded = Recorded(_tracer_provider, _spans)
        with ExitStack() as stack:
            stack.callback(restore)
            stack.callback(otel_refusals.uninstrument)
            for step in steps:
                if step == "ours":
                    switch("ours", recorded)
                    continue
                with ExitStack() as theirs:
                    for name in company:
                        theirs.callback(switch(name, None))
                    if step == "theirs, ours off":
                        otel_refusals.uninstrument()
            for surface in REFUSALS:
                assert {"refused": 1} == tell(f"{surface}, create", vendor, recorded).outcomes, f"{surface}: {steps}"


def cycle(on: Iterable[str], off: Iterable[str], recorded: Recorded | None) -> list[str]:
    """Switch on, in one order, and off, in another; what is not as it was, and whether anything of ours still works."""
    switches = {name: switch(name, recorded) for name in on}
    for name in off:
        switches[name]()
    left = {key: value for key, value in methods().items() if INSTALLED_METHODS.get(key) is not value}
    restore()
    return sorted(
        f"{cls.__module__}.{cls.__qualname__}.{name}{' with ours' if any(map(is_ours, layers(value))) else ''}"
        for (cls, name), value in left.items()
    )


def layers(value: Any) -> Iterator[Any]:
    """A function under its wrappers, from the outside in."""
    while value is not None:
        yield value
        value = getattr(value, "__wrapped__", None)


def is_ours(layer: Any) -> bool:
    """Whether this is a wrapper of ours that is not switched off, which it is where a peer puts back what it found."""
    written_in = str(getattr(getattr(layer, "_self_wrapper", None), "__module__", ""))
    return written_in.startswith("otel_refusals") and bool(layer._self_enabled)
