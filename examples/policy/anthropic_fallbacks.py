"""Fallbacks that Anthropic or its SDK makes, and the policy for what is declined all the same.

A rescued operation needs no decision: the policy says None to it, and its telemetry says who declined and who answered.
"""

from __future__ import annotations

import sys

from anthropic import Anthropic, BetaRefusalFallbackMiddleware
from anthropic.types.beta import BetaMessage
from deciding import POLICY, act

from otel_refusals import outcome_of, workload

MODEL = "claude-fable-5"
FALLBACK_MODEL = "claude-opus-4-8"


def ask_with_fallbacks(claude: Anthropic, question: str) -> str:
    """The vendor asks the fallback model by itself, within the one request."""
    message = claude.beta.messages.create(
        model=MODEL,
        max_tokens=1000,
        messages=[{"role": "user", "content": question}],
        fallbacks=[{"model": FALLBACK_MODEL}],
        betas=["server-side-fallback-2026-07-01"],
    )
    return _answered(message)


def with_middleware(claude: Anthropic) -> Anthropic:
    """The same client, whose SDK asks the fallback model itself; for where the vendor does not."""
    return claude.with_options(middleware=[BetaRefusalFallbackMiddleware([{"model": FALLBACK_MODEL}])])


def ask(claude: Anthropic, question: str) -> str:
    """An ordinary call of the beta surface, by a client that has the middleware."""
    message = claude.beta.messages.create(
        model=MODEL, max_tokens=1000, messages=[{"role": "user", "content": question}]
    )
    return _answered(message)


def _answered(message: BetaMessage) -> str:
    decision = POLICY.decide(outcome_of(message))
    if decision is None:
        return "".join(block.text for block in message.content if block.type == "text")
    # Every model of the chain has declined: what a rule would reroute is told instead.
    return act(decision, lambda _: "No model answered this. Nothing was found or ruled out.")


if __name__ == "__main__":
    with Anthropic() as client, workload("assistant"):
        print(ask_with_fallbacks(client, " ".join(sys.argv[1:])))
