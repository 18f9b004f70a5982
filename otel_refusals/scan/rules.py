"""What is looked for, and a finding of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RuleId = Literal["refusal-as-answer", "unread-ending", "unread-refusal", "unreadable-file"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is looked for.

    Args:
        summary: What it is, in a line.
        why: What it costs.
        fix: What to write instead.
    """

    id: RuleId
    summary: str
    why: str
    fix: str


RULES: dict[RuleId, Rule] = {
    rule.id: rule
    for rule in (
        Rule(
            "refusal-as-answer",
            "Code that tells stop reasons apart lets a refusal go the way of an answer, or nowhere.",
            "A refusal answers HTTP 200 and raises nothing. Where no branch names it and no default is loud, an empty "
            "or cut-off answer goes on as if the model had finished.",
            "Add a branch for the refusal, and make the default raise or warn: a stop reason that nobody knows is no "
            "answer. `otel_refusals.outcome_of(response)` reads it for every vendor alike.",
        ),
        Rule(
            "unread-ending",
            "The content of a response is taken without a look at how the response ended.",
            "A refusal before output has no content, and one in mid-stream has half an answer: both are handed on as "
            "the answer.",
            "Look at the stop reason before the content is used, or match on `otel_refusals.outcome_of(response)`.",
        ),
        Rule(
            "unread-refusal",
            "Parsed output is taken without a look at `message.refusal`.",
            "A model that declines writes its words into `refusal` with the normal finish reason `stop`, and the "
            "parsed output is None.",
            "Read `message.refusal`, or content of type `refusal` in the Responses API, before the parsed output.",
        ),
        Rule(
            "unreadable-file",
            "The file cannot be parsed as Python.",
            "What is in it was not looked at.",
            "Exclude it, or scan with a Python that reads its syntax.",
        ),
    )
}


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One place in the code.

    Args:
        path: The file, as it was given or found.
        line: From 1.
        column: From 1, in characters.
        rule: Its `RULES` key.
        message: What is wrong at this very place.
    """

    path: str
    line: int
    column: int
    rule: RuleId
    message: str

    @property
    def why(self) -> str:
        """What it costs."""
        return RULES[self.rule].why

    @property
    def fix(self) -> str:
        """What to write instead."""
        return RULES[self.rule].fix
