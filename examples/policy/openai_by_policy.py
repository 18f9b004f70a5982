"""OpenAI by policy: one category is rerouted, another surfaced, a third escalated, however the vendor spells a refusal.

A refusal may be a part of the answer, a status of it, or an error with HTTP 400: `outcome_of` reads them all.

    pip install 'otel-refusals[openai,otlp,policy]'
    opentelemetry-instrument python openai_by_policy.py 'Find the callers of unpack()'
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from deciding import POLICY, act
from openai import APIStatusError, OpenAI

from otel_refusals import outcome_of, workload

MODEL = "gpt-5.5"


def ask(gpt: OpenAI, question: str, model: str = MODEL) -> str:
    """The answer, or what the policy makes of a refusal."""
    try:
        response = gpt.responses.create(model=model, input=question)
    except APIStatusError as error:
        decision = POLICY.decide(outcome_of(error))
        if decision is None:
            raise  # an error like any other
    else:
        decision = POLICY.decide(outcome_of(response))
        if decision is None:
            return response.output_text
    return act(decision, lambda other: ask(gpt, question, other))


def show(gpt: OpenAI, question: str, draw: Callable[[str], None], model: str = MODEL) -> None:
    """Stream the answer to a screen: `draw` gets all of the text so far.

    A text that does not stand, since a refusal came after it, is taken back before anything else is drawn.
    """
    text = ""
    with gpt.responses.stream(model=model, input=question) as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                text += event.delta
                draw(text)
            if event.type in ("response.completed", "response.incomplete", "response.failed"):
                response = event.response
    decision = POLICY.decide(outcome_of(response))
    if decision is None:
        return
    draw("")

    def again(other: str) -> str:
        show(gpt, question, draw, other)
        return ""

    if instead := act(decision, again):
        draw(instead)


if __name__ == "__main__":
    with OpenAI() as client, workload("code-search"):
        print(ask(client, " ".join(sys.argv[1:])))
