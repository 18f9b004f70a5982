"""What to do about a refusal, decided per workload and category, and recorded as it is decided.

    policy = Policy.from_file("refusals.yaml")
    decision = policy.decide(outcome_of(response))

The first rule that fits decides. What no rule fits is the policy's `default`, and a stop reason that nobody knows is
its `unknown`: both loud, unless the policy says otherwise, since nobody has thought about them yet.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, cast, get_args

from otel_refusals.config import ConfigurationError
from otel_refusals.disposition import Disposition, record_disposition
from otel_refusals.outcome import CATEGORIES, Category, Outcome, Refused, Unknown

__all__ = ["Action", "Decision", "Policy", "Rule"]

Action = Literal["reroute", "surface", "escalate", "drop"]
"""Ask the approved fallback model; tell the person who asked; hand it to somebody who decides; leave it unanswered."""

_DISPOSITIONS: Mapping[Action, Disposition] = {
    "reroute": "rerouted",
    "surface": "surfaced",
    "escalate": "escalated",
    "drop": "dropped",
}
_ACTIONS = get_args(Action)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What to do about the refusals of one category, in one workload or in all.

    Args:
        action: What to do.
        category: The category it is for; None for every one.
        workload: The workload it is for; None for every one.
        model: The approved fallback model, for `reroute` and only for it.

    Raises:
        ConfigurationError: for an action or a category that does not exist, a `reroute` without a model, a model
            without a `reroute`.
    """

    action: Action
    category: Category | None = None
    workload: str | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        _check_action("action", self.action)
        if self.category is not None and self.category not in CATEGORIES:
            raise ConfigurationError(f"category {self.category!r} is not one of {', '.join(sorted(CATEGORIES))}")
        if self.workload is not None and (not isinstance(self.workload, str) or not self.workload):
            raise ConfigurationError(f"workload {self.workload!r} is not a non-empty string")
        if (self.action == "reroute") != bool(self.model):
            wants = "needs the model to ask instead" if self.action == "reroute" else f"has no use for {self.model!r}"
            raise ConfigurationError(f"action {self.action!r} {wants}")

    def fits(self, category: Category, workload: str | None) -> bool:
        """Whether the rule is for this category in this workload."""
        return self.category in (None, category) and self.workload in (None, workload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do about one outcome.

    Args:
        action: What to do.
        model: The model to ask instead, for `reroute`.
        rule: The rule that said so; None where none fitted.
        outcome: What it is about.
    """

    action: Action
    model: str | None
    rule: Rule | None
    outcome: Refused | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Rules in order, and what holds where none fits.

    Args:
        rules: The first that fits decides.
        default: For a refusal that no rule fits: not `reroute`, which needs a model of its own.
        unknown: For a stop reason that no reader knows; likewise.

    Raises:
        ConfigurationError: for a default that is no action, or `reroute`.
    """

    rules: tuple[Rule, ...] = ()
    default: Action = "surface"
    unknown: Action = "escalate"

    def __post_init__(self) -> None:
        for name in ("default", "unknown"):
            _check_action(name, getattr(self, name))
            if getattr(self, name) == "reroute":
                raise ConfigurationError(f"{name} 'reroute' names no model: write a rule without category and workload")

    def decide(self, outcome: Outcome) -> Decision | None:
        """What to do about `outcome`, recorded as its disposition; None for one that needs nothing.

        A rescued operation needs nothing: a fallback has answered. Neither does one that was not declined, which is not
        to say that it succeeded.
        """
        if isinstance(outcome, Unknown):
            decision = Decision(action=self.unknown, model=None, rule=None, outcome=outcome)
        elif isinstance(outcome, Refused):
            workload = outcome.origin.workload if outcome.origin else None
            rule = next((rule for rule in self.rules if rule.fits(outcome.refusal.category, workload)), None)
            action, model = (rule.action, rule.model) if rule else (self.default, None)
            decision = Decision(action=action, model=model, rule=rule, outcome=outcome)
        else:
            return None
        record_disposition(outcome, _DISPOSITIONS[decision.action])
        return decision

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any], source: str = "policy") -> Policy:
        """A policy from plain data, as YAML or JSON holds it.

        Args:
            settings: `rules`, `default` and `unknown`; see the class.
            source: Names the settings in errors.

        Raises:
            ConfigurationError: for a name or a value that does not exist; it names the source and the rule.
        """
        known = _known(settings, cls, source)
        listed = known.pop("rules", ())
        if not isinstance(listed, Iterable) or isinstance(listed, (str, Mapping)):
            raise ConfigurationError(f"{source}: rules is not a list")
        rules = tuple(_rule(entry, f"{source}: rule {number}") for number, entry in enumerate(listed, 1))
        try:
            return cls(rules=rules, **known)
        except ConfigurationError as error:
            raise ConfigurationError(f"{source}: {error}") from None

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Policy:
        """A policy from a YAML file; needs PyYAML (`pip install 'otel-refusals[policy]'`).

        Raises:
            ConfigurationError: for a file that is no YAML, or holds a name or a value that does not exist.
            OSError: for a file that cannot be read.
        """
        import yaml

        try:
            settings = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise ConfigurationError(f"{path} is not YAML: {error}") from None
        return cls.from_mapping({} if settings is None else settings, str(path))


def _rule(entry: object, source: str) -> Rule:
    known = _known(entry, Rule, source)
    if "action" not in known:
        raise ConfigurationError(f"{source}: action is missing")
    try:
        return Rule(**known)
    except ConfigurationError as error:
        raise ConfigurationError(f"{source}: {error}") from None


def _known(entry: object, kind: type[Rule | Policy], source: str) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise ConfigurationError(f"{source}: {entry!r} is not a mapping")
    names = [field.name for field in fields(kind)]
    for name in entry:
        if name not in names:
            raise ConfigurationError(f"{source}: {name!r} is not one of {', '.join(names)}")
    return cast("dict[str, Any]", dict(entry))


def _check_action(name: str, value: object) -> None:
    if value not in _ACTIONS:
        raise ConfigurationError(f"{name} {value!r} is not one of {', '.join(_ACTIONS)}")
