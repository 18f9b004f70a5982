"""The settings of this package itself, and OpenTelemetry's switches that silence it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from otel_refusals import config
from otel_refusals.config import ConfigurationError, configure
from otel_refusals.doctor.finding import Finding
from otel_refusals.vendors import VENDORS

_PREFIX = "OTEL_REFUSALS_"
_OURS = (config.SPANS, config.WORKLOAD, config.STOP_REASONS, config.MAX_LABEL_VALUES, config.PROVIDERS)


def settings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """What the environment says about this package."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        yield Finding(
            "configuration",
            "OTEL_SDK_DISABLED",
            "problem",
            "is true: nothing is instrumented and nothing is exported",
            "unset OTEL_SDK_DISABLED",
        )
    bad = False
    for variable in _OURS:
        try:
            configure(environ={variable: environ.get(variable, "")})
        except ConfigurationError as error:
            bad = True
            yield Finding(
                "configuration", variable, "problem", f"{error}; no vendor is instrumented", f"mend {variable}"
            )
    for variable in sorted(environ):
        if variable.startswith(_PREFIX) and variable not in _OURS:
            bad = True
            near = get_close_matches(variable, _OURS, 1)
            yield Finding(
                "configuration",
                variable,
                "warning",
                "is no setting of otel-refusals, and does nothing",
                f"is {near[0]} meant?" if near else f"it has {', '.join(_OURS)}",
            )
    yield from _disabled(environ)
    if not bad:
        given = [variable for variable in _OURS if environ.get(variable)]
        yield Finding(
            "configuration", f"{_PREFIX}*", "ok", f"{', '.join(given)} can be used" if given else "none is set"
        )


def is_disabled(vendor: str, environ: Mapping[str, str]) -> bool:
    """Whether the environment switches the instrumentation of `vendor` off."""
    return vendor not in configure(environ={config.DISABLED: environ.get(config.DISABLED, "")}).vendors


def _disabled(environ: Mapping[str, str]) -> Iterator[Finding]:
    known = {f"refusals_{vendor.name}" for vendor in VENDORS}
    for name in filter(None, (part.strip() for part in environ.get(config.DISABLED, "").split(","))):
        if name.startswith("refusals") and name not in known:
            near = get_close_matches(name, known, 1)
            remedy = f"is {near[0]} meant?" if near else f"it has {', '.join(sorted(known))}"
            yield Finding("configuration", config.DISABLED, "warning", f"{name} switches nothing off", remedy)
