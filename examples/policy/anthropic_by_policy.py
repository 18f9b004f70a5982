"""Claude by policy: one category is rerouted, another surfaced, a third escalated; streamed or not.

pip install 'otel-refusals[anthropic,otlp,policy]'
opentelemetry-instrument python anthropic_by_policy.py 'Review parsers/archive.py'
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from anthropic import Anthropic
from anthropic.types import Message
from deciding import POLICY, act

from otel_refusals import outcome_of, workload

MODEL = "claude-fable-5"


def ask(claude: Anthropic, question: str, model: str = MODEL) -> str:
    """The answer, or what the policy makes of a refusal."""
    message = claude.messages.create(model=model, max_tokens=1000, messages=[{"role": "user", "content": question}])
    decision = POLICY.decide(outcome_of(message))
    if decision is None:
        return _text(message)
    return act(decision, lambda other: ask(claude, question, other))


def show(claude: Anthropic, question: str, draw: Callable[[str], None], model: str = MODEL) -> None:
    """Stream the answer to a screen: `draw` gets all of the text so far.

    A refusal in mid-stream leaves a text that does not stand. It is taken back before anything else is drawn.
    """
    text = ""
    with claude.messages.stream(
        model=model, max_tokens=1000, messages=[{"role": "user", "content": question}]
    ) as stream:
        for piece in stream.text_stream:
            text += piece
            draw(text)
        message = stream.get_final_message()
    decision = POLICY.decide(outcome_of(message))
    if decision is None:
        return
    draw("")

    def again(other: str) -> str:
        show(claude, question, draw, other)
        return ""

    if instead := act(decision, again):
        draw(instead)


def _text(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


if __name__ == "__main__":
    with Anthropic() as client, workload("security-review"):
        print(ask(client, " ".join(sys.argv[1:])))
