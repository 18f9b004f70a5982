"""How an answer is to end: the scenarios that a stub or an injection plays, in words that every vendor shares.

The law of this module: data. What a scenario looks like on a wire is told in `otel_refusals.testing.speakers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

Ending = Literal["completed", "truncated", "tool_call", "refused", "rescued", "unknown"]
Content = Literal["text", "thinking", "tool"]

USUAL = "usual"
"""A category: the one that the vendor names most often, or none where its wire names none."""


class ScenarioError(ValueError):
    """A scenario that cannot be; the message names the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way for an answer to end.

    Args:
        outcome: What the answer reads as.
        stage: Whether content comes before the decline: `mid_stream`, streamed or not, or none: `pre_output`.
        category: Why it is declined: a category of the contract, or any value of the vendor's own; None where the
            vendor is to name none; `usual` for the vendor's usual one.
        content: What kind of content comes before the end. A tool call that is declined is cut inside its arguments.
        after_tokens: How many output tokens there are before the end.
        source: Who declines: the provider's `classifier`, or the `model` in its own words (OpenAI's `refusal`).
        stop_reason: The value that nobody knows, of an answer that ends `unknown`.
        text: What the model writes, instead of filler of `after_tokens` tokens.
    """

    outcome: Ending = "refused"
    stage: Literal["pre_output", "mid_stream"] = "pre_output"
    category: str | None = USUAL
    content: Content = "text"
    after_tokens: int = 12
    source: Literal["classifier", "model"] = "classifier"
    stop_reason: str = "policy_hold"
    text: str = ""

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ScenarioError(f"{name}={getattr(self, name)!r}: not one of {', '.join(allowed)}")
        if isinstance(self.after_tokens, bool) or not isinstance(self.after_tokens, int) or self.after_tokens < 1:
            raise ScenarioError(f"after_tokens={self.after_tokens!r}: not a positive whole number")
        if self.source == "model" and (self.outcome, self.stage) != ("refused", "pre_output"):
            raise ScenarioError("source='model': the model declines in its own words, before any output")

    @property
    def declines(self) -> bool:
        """Whether there is a decline in it, answered by a fallback or not."""
        return self.outcome in ("refused", "rescued")

    @property
    def speaks(self) -> bool:
        """Whether the model produces content."""
        return not (self.outcome == "refused" and self.stage == "pre_output")


_CHOICES: dict[str, tuple[str, ...]] = {
    "outcome": get_args(Ending),
    "stage": ("pre_output", "mid_stream"),
    "content": get_args(Content),
    "source": ("classifier", "model"),
}

COMPLETED = Scenario(outcome="completed")

WAYS: Mapping[str, Scenario] = {
    "pre_output": Scenario(),
    "mid_stream_text": Scenario(stage="mid_stream"),
    "mid_tool_call": Scenario(stage="mid_stream", content="tool"),
    "thinking_only": Scenario(stage="mid_stream", content="thinking"),
    "null_category": Scenario(category=None),
    "unknown_category": Scenario(category="a_category_of_tomorrow"),
    "model_refusal": Scenario(source="model"),
    "rescued": Scenario(outcome="rescued"),
    "unknown_stop_reason": Scenario(outcome="unknown", stage="mid_stream"),
}
"""The ways of being refused, and what comes close, that a caller should survive."""

_IMPOSSIBLE: Mapping[str, frozenset[str]] = {
    "anthropic": frozenset({"model_refusal"}),
    "openai": frozenset({"rescued"}),
    "google_genai": frozenset({"model_refusal", "rescued"}),
    "botocore": frozenset({"model_refusal", "rescued"}),
    "mistralai": frozenset({"model_refusal", "rescued", "null_category", "unknown_category"}),
    "cohere": frozenset({"model_refusal", "rescued", "null_category", "unknown_category"}),
}
"""By vendor, the ways that its wire has no form for."""

VENDORS = tuple(_IMPOSSIBLE)
"""The SDKs that scenarios can be played to, by their names in `instrument(vendors=...)`."""


def ways_of(vendor: str) -> dict[str, Scenario]:
    """The ways of being refused that exist on the wire of `vendor`, by name.

    Raises:
        ScenarioError: for a vendor that is not one of `VENDORS`.
    """
    return {name: way for name, way in WAYS.items() if name not in _IMPOSSIBLE[known(vendor)]}


def known(vendor: str) -> str:
    """`vendor` itself.

    Raises:
        ScenarioError: for a vendor that is not one of `VENDORS`.
    """
    if vendor not in VENDORS:
        raise ScenarioError(f"vendor={vendor!r}: not one of {', '.join(VENDORS)}")
    return vendor


def scenario_from(spelled: str) -> Scenario:
    """A scenario from one line, as a header or a command line has it.

    Args:
        spelled: A name from `WAYS`, or an outcome, then settings: `mid_stream_text, category=bio, after_tokens=40`.

    Raises:
        ScenarioError: for a name or a setting that does not exist; the message names it.
    """
    name, *settings = (part.strip() for part in spelled.split(","))
    if "=" in name:
        name, settings = "refused", [name, *settings]
    if name in WAYS:
        scenario = WAYS[name]
    elif name in get_args(Ending):
        scenario = Scenario(outcome=name)  # type: ignore[arg-type]
    else:
        raise ScenarioError(f"{name!r} is no scenario; there are {', '.join((*WAYS, *get_args(Ending)))}")
    return replace(scenario, **dict(map(_setting, settings)))


def _setting(spelled: str) -> tuple[str, Any]:
    name, _, value = (part.strip() for part in spelled.partition("="))
    if name not in {setting.name for setting in fields(Scenario)}:
        raise ScenarioError(f"{name!r} is no setting of a scenario")
    if name == "after_tokens" and value.isdecimal():
        return name, int(value)
    return name, None if (name, value) == ("category", "null") else value
