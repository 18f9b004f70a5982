"""One frozen configuration: argument over environment over default, each bad value an error that names it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, cast, get_args

from otel_refusals.gateways import Addresses
from otel_refusals.labels import is_label
from otel_refusals.outcome import Completed, Errored, Outcome, Paused, Refusal, Refused, ToolCall, Truncated
from otel_refusals.vendors import VENDORS

log = logging.getLogger("otel_refusals")

Spans = Literal["auto", "all", "off"]
"""Own spans where no GenAI span is current: for refused, rescued and unknown operations, for every one, for none."""

StopReasons = Mapping[tuple[str, str], str]

DISABLED = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
SPANS = "OTEL_REFUSALS_SPANS"
WORKLOAD = "OTEL_REFUSALS_WORKLOAD"
STOP_REASONS = "OTEL_REFUSALS_STOP_REASONS"
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
MAX_LABEL_VALUES = "OTEL_REFUSALS_MAX_LABEL_VALUES"
PROVIDERS = "OTEL_REFUSALS_PROVIDERS"

_TEACHABLE = ("completed", "truncated", "tool_call", "paused", "refused", "error")
_CAPTURES = {
    **dict.fromkeys(("", "false", "no_content"), False),
    **dict.fromkeys(("true", "span_only", "event_only", "span_and_event"), True),
}


class ConfigurationError(ValueError):
    """A bad configuration value; the message names the argument or variable and the value."""


@dataclass(frozen=True, slots=True)
class LabelCaps:
    """How many distinct values of a label are told apart on metrics; the rest are `_OTHER`."""

    models: int = 200
    workloads: int = 200
    signals: int = 50


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be set. See the configuration table of the README."""

    vendors: frozenset[str]
    spans: Spans = "auto"
    workload: str = "unspecified"
    stop_reasons: StopReasons | None = None
    capture_explanation: bool = False
    max_label_values: LabelCaps = LabelCaps()
    providers: Addresses | None = None


def configure(
    *,
    vendors: Iterable[str] | None = None,
    spans: str | None = None,
    workload: str | None = None,
    stop_reasons: Mapping[str, str] | str | None = None,
    capture_explanation: bool | None = None,
    max_label_values: Mapping[str, int] | int | None = None,
    providers: Mapping[str, str] | str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Build the configuration.

    Raises:
        ConfigurationError: for a value that cannot be used; it names the argument or the variable, and the value.
    """
    env = os.environ if environ is None else environ
    return Config(
        vendors=_vendors(vendors, env),
        spans=_spans(*_given("spans", spans, SPANS, env, "auto")),
        workload=_workload(*_given("workload", workload, WORKLOAD, env, "unspecified")),
        stop_reasons=_stop_reasons(*_given("stop_reasons", stop_reasons, STOP_REASONS, env, "")),
        capture_explanation=_capture(*_given("capture_explanation", capture_explanation, CAPTURE, env, False)),
        max_label_values=_caps(*_given("max_label_values", max_label_values, MAX_LABEL_VALUES, env, {})),
        providers=_providers(*_given("providers", providers, PROVIDERS, env, "")),
    )


def outcome_from(word: str, signal: str) -> Outcome:
    """The outcome that a taught stop reason stands for."""
    match word:
        case "completed":
            return Completed(signal)
        case "truncated":
            return Truncated(signal)
        case "tool_call":
            return ToolCall(signal)
        case "paused":
            return Paused(signal)
        case "error":
            return Errored(signal)
        case _:
            refusal = Refusal(category="unspecified", stage="unknown", source="unknown", signal=signal)
            return Refused(refusals=(refusal,))


def _given(name: str, argument: object, variable: str, env: Mapping[str, str], default: object) -> tuple[str, Any]:
    """The source's name and the value: the argument's, else the variable's, else the default's."""
    if argument is not None:
        return name, argument
    value = env.get(variable, "").strip()
    return (variable, value) if value else (name, default)


def _vendors(argument: Iterable[str] | None, env: Mapping[str, str]) -> frozenset[str]:
    known = {vendor.name for vendor in VENDORS}
    if argument is None:
        disabled = {name.strip() for name in env.get(DISABLED, "").split(",")}
        return frozenset() if "*" in disabled else frozenset(n for n in known if f"refusals_{n}" not in disabled)
    if isinstance(argument, str):
        raise ConfigurationError(f"vendors={argument!r}: give a list of names, for example vendors=[{argument!r}]")
    chosen = frozenset(argument)
    for name in chosen - known:
        raise ConfigurationError(f"vendors: {name!r} is not one of {', '.join(sorted(known))}")
    return chosen


def _spans(source: str, value: str) -> Spans:
    if value not in get_args(Spans):
        raise ConfigurationError(f"{source}={value!r}: not one of {', '.join(get_args(Spans))}")
    return cast(Spans, value)


def _workload(source: str, value: str) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{source}={value!r}: a workload is a non-empty string")
    return value


def _stop_reasons(source: str, value: Mapping[str, str] | str) -> StopReasons | None:
    taught: dict[tuple[str, str], str] = {}
    for key, word in _pairs(source, value, "provider:stop_reason=outcome", {"anthropic:new_value": "paused"}):
        provider, colon, signal = key.partition(":")
        if not (colon and provider and signal):
            raise ConfigurationError(f"{source}: {key!r} is not of the form provider:stop_reason")
        if word not in _TEACHABLE:
            raise ConfigurationError(f"{source}: {word!r} for {key!r} is not one of {', '.join(_TEACHABLE)}")
        taught[provider, signal] = word
    return taught or None


def _providers(source: str, value: Mapping[str, str] | str) -> Addresses | None:
    named: dict[str, str] = {}
    for address, provider in _pairs(source, value, "host=provider", {"llm.example:8000": "vllm"}):
        if not address or "/" in address:
            raise ConfigurationError(f"{source}: {address!r} is no host and no host:port")
        if not is_label(provider):
            raise ConfigurationError(f"{source}: {provider!r} for {address!r} is no provider name, for example 'vllm'")
        named[address.lower()] = provider
    return named or None


def _pairs(
    source: str, value: Mapping[str, str] | str, form: str, example: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Keys and values of a mapping, or of `key=value,key=value`."""
    if isinstance(value, Mapping):
        for key, word in value.items():
            yield str(key).strip(), str(word).strip()
    elif isinstance(value, str):
        for entry in filter(None, (part.strip() for part in value.split(","))):
            key, equals, word = entry.rpartition("=")
            if not equals:
                raise ConfigurationError(f"{source}: {entry!r} is not of the form {form}")
            yield key.strip(), word.strip()
    else:
        raise ConfigurationError(f"{source}={value!r}: give a mapping, for example {dict(example)}")


def _capture(source: str, value: bool | str) -> bool:
    if isinstance(value, bool):
        return value
    captured = _CAPTURES.get(str(value).lower())
    if captured is not None:
        return captured
    wrong = f"{source}={value!r}: not one of {', '.join(filter(None, _CAPTURES))}"
    if source != CAPTURE:
        raise ConfigurationError(wrong)
    # The variable belongs to all GenAI instrumentations, and each has its own words: nothing is captured then.
    log.warning("%s; nothing is captured", wrong)
    return False


def _caps(source: str, value: Mapping[str, int] | int | str) -> LabelCaps:
    """One number for all three, or `models=500,signals=20`, or the same as a mapping."""
    names = [cap.name for cap in fields(LabelCaps)]
    if isinstance(value, str) and "=" in value:
        pairs = [part.strip().partition("=") for part in value.split(",")]
        value = cast(Mapping[str, int], {name: cap for name, _, cap in pairs})
    given = value if isinstance(value, Mapping) else dict.fromkeys(names, value)
    caps: dict[str, int] = {}
    for name, cap in given.items():
        if name not in names:
            raise ConfigurationError(f"{source}: {name!r} is not one of {', '.join(names)}")
        if isinstance(cap, bool) or not str(cap).strip().isdecimal() or int(cap) < 1:
            raise ConfigurationError(f"{source}: {cap!r} for {name} is not a positive whole number")
        caps[name] = int(cap)
    return LabelCaps(**caps)
