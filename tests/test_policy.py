"""Policies: what to do about a refusal, per workload and category, recorded as it is decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anthropic
import pytest

import otel_refusals
from otel_refusals import ConfigurationError, Outcome, outcome_of
from otel_refusals.policy import Policy, Rule
from otel_refusals.testing import StubServer
from tests.drivers import ARGUMENTS
from tests.fixtures import fixture
from tests.telemetry import Recorded

YAML = """
default: surface
unknown: escalate
rules:
  - {workload: security-review, category: cyber, action: reroute, model: claude-opus-4}
  - {category: bio, action: escalate}
  - {workload: batch, action: drop}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    """The policy of a file."""
    path = tmp_path / "refusals.yaml"
    path.write_text(YAML)
    return Policy.from_file(path)


def outcome(path: str) -> Outcome:
    """The outcome of a wire fixture that nobody saw."""
    return outcome_of(fixture(path).body)


def test_the_first_rule_that_fits_decides(
    policy: Policy, claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer
) -> None:
    """By the workload of the call and the category of the refusal; the model is the approved one."""
    vendor.queue(fixture("anthropic/refusal_pre_output_cyber.json").reply)
    with otel_refusals.workload("security-review"):
        message = claude.messages.create(**ARGUMENTS["messages"])

    decision = policy.decide(outcome_of(message))

    assert decision is not None
    assert ("reroute", "claude-opus-4") == (decision.action, decision.model)
    assert policy.rules[0] is decision.rule
    labels = ("refusal.workload", "refusal.category", "refusal.disposition")
    assert {("security-review", "cyber", "rerouted"): 1} == recorded.sums("refusal.client.dispositions", *labels)


def test_what_no_rule_fits_is_the_default(policy: Policy, recorded: Recorded) -> None:
    """A category in another workload, and one that nobody wrote a rule for."""
    decision = policy.decide(outcome("anthropic/refusal_pre_output_cyber.json"))

    assert decision is not None
    assert ("surface", None, None) == (decision.action, decision.model, decision.rule)
    assert {"surfaced": 1} == recorded.sums("refusal.client.dispositions", "refusal.disposition")


def test_an_unknown_stop_reason_goes_to_the_loud_default(recorded: Recorded) -> None:
    """Whatever the rules say: nobody knows yet whether it is a refusal."""
    decision = Policy(rules=(Rule(action="drop"),)).decide(outcome("anthropic/unknown_stop_reason.json"))

    assert decision is not None
    assert "escalate" == decision.action
    assert {"escalated": 1} == recorded.sums("refusal.client.dispositions", "refusal.disposition")


@pytest.mark.parametrize("path", ["anthropic/completed_end_turn.json", "anthropic/beta_fallback_served.json"])
def test_what_was_answered_needs_no_decision(policy: Policy, recorded: Recorded, path: str) -> None:
    """By the model or by its fallback."""
    assert policy.decide(outcome(path)) is None
    assert {} == recorded.sums("refusal.client.dispositions")


def test_an_empty_file_is_the_default_policy(tmp_path: Path) -> None:
    """Surface what is refused, escalate what is unknown."""
    path = tmp_path / "refusals.yaml"
    path.write_text("")

    assert Policy() == Policy.from_file(path)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rules": [{"action": "ignore"}]}, "policy: rule 1: action 'ignore' is not one of reroute, surface"),
        ({"rules": [{"category": "cyber"}]}, "policy: rule 1: action is missing"),
        (
            {"rules": [{"action": "drop"}, {"action": "drop", "category": "spam"}]},
            "policy: rule 2: category 'spam' is not",
        ),
        ({"rules": [{"action": "reroute"}]}, "policy: rule 1: action 'reroute' needs the model"),
        ({"rules": [{"action": "drop", "model": "m"}]}, "policy: rule 1: action 'drop' has no use for 'm'"),
        ({"rules": [{"action": "drop", "workload": ""}]}, "policy: rule 1: workload '' is not"),
        ({"rules": [{"action": "drop", "route": "x"}]}, "policy: rule 1: 'route' is not one of action, category"),
        ({"rules": "drop"}, "policy: rules is not a list"),
        ({"rules": ["drop"]}, "policy: rule 1: 'drop' is not a mapping"),
        ({"defualt": "drop"}, "policy: 'defualt' is not one of rules, default, unknown"),
        ({"default": "reroute"}, "policy: default 'reroute' names no model"),
        ({"unknown": "ignore"}, "policy: unknown 'ignore' is not one of"),
    ],
)
def test_a_bad_policy_is_an_error_that_names_the_rule(settings: dict[str, Any], said: str) -> None:
    """Before any refusal meets it."""
    with pytest.raises(ConfigurationError) as raised:
        Policy.from_mapping(settings)

    assert str(raised.value).startswith(said)


@pytest.mark.parametrize("text", ["rules: [", "- drop"])
def test_a_bad_file_is_named(tmp_path: Path, text: str) -> None:
    """One that is no YAML, and one that is no mapping."""
    path = tmp_path / "refusals.yaml"
    path.write_text(text)

    with pytest.raises(ConfigurationError, match="refusals.yaml"):
        Policy.from_file(path)
