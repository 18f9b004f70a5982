"""What the recipes of this directory share: the policy, and what each of its actions does in this application."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from otel_refusals import workload
from otel_refusals.policy import Decision, Policy

log = logging.getLogger("policy")

POLICY = Policy.from_file(Path(__file__).with_name("refusals.yaml"))

FALLBACK = "fallback"
"""The workload of what is asked again: no rule reroutes it, so nothing goes round in circles."""


def act(decision: Decision, again: Callable[[str], str]) -> str:
    """What the person who asked gets.

    Args:
        decision: What the policy said, which is recorded by now.
        again: Asks the same of another model.
    """
    if decision.action == "reroute" and decision.model:
        with workload(FALLBACK):
            return again(decision.model)
    if decision.action == "escalate":
        # Here a ticket, a page, a queue: whatever a person will look at.
        log.warning("a person has to look at an operation that ended %s", decision.outcome.outcome)
        return "This was handed to a person, who will answer."
    if decision.action == "drop":
        return ""
    return "The model declined to answer. Nothing was found or ruled out."
