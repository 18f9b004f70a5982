"""The parts of a panel's field options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]
Steps = Sequence[tuple[float, str]]
"""Colours by the value from which they hold."""

Words = Mapping[float, tuple[str, str]]
"""A text and a colour instead of a number."""


def defaults(unit: str, empty: str, steps: Steps, below: str, decimals: int | None) -> Json:
    """Unit, text for none, and colours by value: `below` is that of less than the first step."""
    options: Json = {
        "unit": unit,
        "noValue": empty,
        "color": {"mode": "thresholds"},
        "mappings": [],
        "thresholds": thresholds(steps, below),
    }
    if decimals is not None:
        options["decimals"] = decimals
    return options


def thresholds(steps: Steps, below: str) -> Json:
    """Colours by value."""
    colors = [{"value": None, "color": below}, *({"value": value, "color": color} for value, color in steps)]
    return {"mode": "absolute", "steps": colors}


def fixed(color: str) -> Json:
    """One colour."""
    return {"mode": "fixed", "fixedColor": color}


def override(name: str, properties: Json) -> Json:
    """Options for the field or the series of that name."""
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }


def mappings(words: Words) -> list[Json]:
    """Words in the place of numbers."""
    options = {f"{value:g}": {"text": text, "color": color} for value, (text, color) in words.items()}
    return [{"type": "value", "options": options}]
