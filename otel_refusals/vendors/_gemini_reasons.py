"""Google's words for a decline: block reasons, finish reasons and harm categories, each with its category.

Values: `google.genai.types` 3.4 (`FinishReason`, `BlockedReason`, `HarmCategory`); the harm categories without
`HATE_SPEECH` and the like are those of the API's older models.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from otel_refusals.outcome import Category, Refusal, Stage
from otel_refusals.reader import MAX_TRACKED, field, items, text

MODEL_ARMOR = "MODEL_ARMOR"
"""The guardrail that a customer configures on Vertex AI; every other decline is the provider's own."""

DECLINES: dict[str, Category] = {
    "SAFETY": "unspecified",
    "OTHER": "unspecified",
    "BLOCKED_REASON_UNSPECIFIED": "unspecified",
    "CONTENT_BLOCKED": "unspecified",
    "BLOCKLIST": "blocklist",
    "PROHIBITED_CONTENT": "prohibited_content",
    "SPII": "privacy",
    "RECITATION": "copyright",
    "LANGUAGE": "language",
    "JAILBREAK": "jailbreak",
    "IMAGE_SAFETY": "image",
    "IMAGE_PROHIBITED_CONTENT": "image",
    "IMAGE_RECITATION": "copyright",
    "IMAGE_OTHER": "image",
    "ESCALATION": "other",
    "PUP_LIMITED_DISABLED": "other",
    MODEL_ARMOR: "guardrail",
}
"""Reasons of a blocked prompt, a blocked candidate or a failed interaction. Whether `OTHER` and `IMAGE_OTHER` are a
decline depends on which of them says so."""

HARMS: dict[str, Category] = {
    "HARASSMENT": "harassment",
    "HATE_SPEECH": "hate",
    "HATE": "hate",
    "SEXUALLY_EXPLICIT": "sexual",
    "DANGEROUS_CONTENT": "dangerous",
    "JAILBREAK": "jailbreak",
    "CIVIC_INTEGRITY": "other",
    "UNSPECIFIED": "unspecified",
    "DEROGATORY": "hate",
    "TOXICITY": "harassment",
    "VIOLENCE": "violence",
    "SEXUAL": "sexual",
    "MEDICAL": "other",
    "DANGEROUS": "dangerous",
}
"""`HarmCategory` without its prefix, `HARM_CATEGORY_` or `HARM_CATEGORY_IMAGE_`."""

_LEVELS = ("NEGLIGIBLE", "LOW", "MEDIUM", "HIGH")


def member(wire: Any, *path: str) -> Any:
    """The value at `path`, whose names are those of the SDK: JSON from the wire has them in camel case."""
    for name in path:
        value = field(wire, name)
        if value is None and isinstance(wire, dict):
            head, *rest = name.split("_")
            value = wire.get(head + "".join(word.capitalize() for word in rest))
        wire = value
    return wire


def word(wire: Any, *path: str) -> str | None:
    """The string or the enum's value at `path`; None for anything else.

    The SDK makes a member of the enum for a value that it does not know; in its first versions that is an empty string
    with a value.
    """
    value = member(wire, *path)
    return text(value.value if isinstance(value, Enum) else value)


def blocked_by(ratings: object) -> dict[str, int]:
    """The harm categories that blocked, with their level; a rating without `blocked` is only an annotation."""
    found = {}
    for rating in items(ratings)[:MAX_TRACKED]:
        name = word(rating, "category")
        if name is not None and field(rating, "blocked") is True:
            found[name] = max(_level(rating, "severity"), _level(rating, "probability"))
    return found


def refusal(reason: str, *, stage: Stage, ratings: object = (), explanation: str | None = None) -> Refusal:
    """The decline that `reason` names, of the category of the rating that blocked where there is one."""
    raw = blocked_by(ratings)
    known = reason.upper()
    return Refusal(
        category=_harm(max(raw, key=lambda name: raw[name])) if raw else DECLINES.get(known, "other"),
        raw_categories=tuple(raw) or (reason,),
        stage=stage,
        source="guardrail" if known == MODEL_ARMOR else "classifier",
        signal=reason,
        explanation=explanation,
    )


def _harm(name: str) -> Category:
    return HARMS.get(name.removeprefix("HARM_CATEGORY_").removeprefix("IMAGE_"), "other")


def _level(rating: object, name: str) -> int:
    level = (word(rating, name) or "").removeprefix("HARM_SEVERITY_")
    return _LEVELS.index(level) if level in _LEVELS else 0
