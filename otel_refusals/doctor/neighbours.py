"""Other packages that instrument GenAI calls: which are installed, and which are switched on at the start."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions

from otel_refusals.doctor.finding import Finding

_FAMILIES: tuple[tuple[str, str], ...] = (
    (r"openinference-instrumentation-.+", "OpenInference"),
    (r"openlit", "OpenLIT"),
    (r"logfire", "Logfire"),
    (r"traceloop-sdk", "OpenLLMetry"),
    (r"opentelemetry-instrumentation-(genai-.+|openai-v2|google-genai|vertexai|anthropic|openai|openai-agents.*)", ""),
    (r"opentelemetry-instrumentation-(bedrock|cohere|mistralai|google-generativeai|langchain)", ""),
)
"""By the name of the distribution; an empty family is told by what it requires."""

_KEEPS_OTHERS_STILL = {
    "Logfire": "Where the application calls `logfire.instrument_anthropic()` or `logfire.instrument_openai()`, pass "
    "`suppress_other_instrumentation=False`: by default they ask all others to keep still, and we do",
}
"""What to do about a family that may take calls from us."""

_OF_OPENLLMETRY = "opentelemetry-semantic-conventions-ai"


def neighbours(active: frozenset[str]) -> Iterator[Finding]:
    """Every one that is installed. How the spans of each go together with ours is seen by a try.

    Args:
        active: Names of the entry points that the start has switched on.
    """
    for distribution in sorted(distributions(), key=_name):
        family = _family(distribution)
        if family:
            points = [e.name for e in distribution.entry_points if e.group == "opentelemetry_instrumentor"]
            on = sorted(active.intersection(points))
            how = f"switched on at the start ({', '.join(on)})" if on else "not switched on at the start"
            code = "" if on else "; code of the application may do it, and is not seen here"
            subject, found = f"{_name(distribution)} {distribution.version}", f"{family}: {how}{code}"
            remedy = _KEEPS_OTHERS_STILL.get(family, "")
            yield Finding("spans", subject, "warning" if remedy else "ok", found, remedy)


def _family(distribution: Distribution) -> str:
    name = _name(distribution)
    for pattern, family in _FAMILIES:
        if re.fullmatch(pattern, name):
            required = any(one.startswith(_OF_OPENLLMETRY) for one in distribution.requires or ())
            return family or ("OpenLLMetry" if required else "OpenTelemetry")
    return ""


def _name(distribution: Distribution) -> str:
    return re.sub(r"[-_.]+", "-", distribution.metadata["Name"] or "").lower()
