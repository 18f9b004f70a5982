"""What an Amazon Bedrock guardrail did: the assessments of a trace, and the `ApplyGuardrail` wire.

Policies, their members and their actions as in the service model of `bedrock-runtime` (botocore 1.44). A guardrail
reports `guardrail_intervened` also when it only masked (`ANONYMIZED`): then there is an answer, and no refusal.
"""

from __future__ import annotations

from typing import Literal

from otel_refusals.outcome import MISSING, Category, Completed, Outcome, Refusal, Refused, Stage, Unknown
from otel_refusals.reader import MAX_TRACKED, NOTHING, field, items, never, text
from otel_refusals.vendors._bedrock_errors import error_outcome, is_error

Side = Literal["input", "output", "unknown"]
"""What an assessment is about: the prompt, the model's output, or a text that the response does not place."""

CONTENT_FILTERS: dict[str, Category] = {
    "INSULTS": "harassment",
    "HATE": "hate",
    "SEXUAL": "sexual",
    "VIOLENCE": "violence",
    "MISCONDUCT": "dangerous",
    "PROMPT_ATTACK": "jailbreak",
}

_POLICIES: tuple[tuple[str, str, str, Category | None, bool], ...] = (
    ("topicPolicy", "topics", "name", "blocklist", True),
    ("contentPolicy", "filters", "type", None, False),
    ("wordPolicy", "customWords", "", "blocklist", False),
    ("wordPolicy", "managedWordLists", "type", "blocklist", False),
    ("sensitiveInformationPolicy", "piiEntities", "type", "privacy", False),
    ("sensitiveInformationPolicy", "regexes", "name", "privacy", True),
    ("contextualGroundingPolicy", "filters", "type", "guardrail", False),
)
"""Policy, its list of findings, the member that names one, its category (None: by its name), and whether the customer
chose that name. What was found (`match`) is never kept."""

ACTIONS = frozenset({"BLOCKED", "ANONYMIZED", "NONE"})
"""Every action of every policy, looked at by the tests."""


class Assessments:
    """What a guardrail blocked, on which side, and whether it masked: constant in size however long the trace."""

    __slots__ = ("_blocked", "_confidential", "_masked", "_other", "_sides")

    def __init__(self) -> None:
        self._blocked: dict[str, Category] = {}
        self._confidential: set[str] = set()
        self._sides: set[Side] = set()
        self._masked = self._other = False

    def read_trace(self, trace: object) -> None:
        """Take in `trace.guardrail` of the Converse API, or the same as the bodies of InvokeModel spell it."""
        for side, names in _SIDES:
            for name in names:
                by_guardrail = field(trace, name)
                for one in by_guardrail if isinstance(by_guardrail, (list, tuple)) else [by_guardrail]:
                    for assessed in one.values() if isinstance(one, dict) else ():
                        for assessment in assessed if isinstance(assessed, (list, tuple)) else [assessed]:
                            self.read(assessment, side)

    def read(self, assessment: object, side: Side) -> None:
        """Take in one assessment."""
        for policy, findings, name, category, confidential in _POLICIES:
            for finding in items(assessment, policy, findings):
                action = text(finding, "action")
                if action == "BLOCKED":
                    raw = (text(finding, name) if name else None) or findings
                    self._block(raw, category or CONTENT_FILTERS.get(raw, "other"), side)
                    if confidential and raw in self._blocked:
                        self._confidential.add(raw)
                elif action == "ANONYMIZED":
                    self._masked = True
                elif action not in (None, "NONE"):
                    self._other = True

    def _block(self, raw: str, category: Category, side: Side) -> None:
        self._sides.add(side)
        if len(self._blocked) < MAX_TRACKED:
            self._blocked.setdefault(raw, category)

    @property
    def only_masked(self) -> bool:
        """Whether the guardrail changed the text and let it pass."""
        return self._masked and not (self._blocked or self._other)

    def stage(self, output_tokens: int | None) -> Stage:
        """Whether the model had answered: by the side that was blocked, else by the tokens of what is withheld."""
        if "output" in self._sides:
            return "mid_stream"
        if "input" in self._sides:
            return "pre_output"
        if output_tokens is None:
            return "unknown"
        return "mid_stream" if output_tokens else "pre_output"

    def refused(self, signal: str, input_tokens: int | None, output_tokens: int | None) -> Refused:
        """The refusal of an operation that the guardrail blocked. Without a trace nobody knows by which policy."""
        stage = self.stage(output_tokens)
        categories: list[Category] = [*self._blocked.values(), "guardrail"]
        refusal = Refusal(
            category=categories[0],
            raw_categories=tuple(self._blocked) or (signal,),
            confidential=tuple(name for name in self._blocked if name in self._confidential),
            stage=stage,
            source="guardrail",
            signal=signal,
        )
        if stage == "pre_output":  # the model was not invoked, and is not billed
            return Refused(refusals=(refusal,), discarded_input_tokens=0, discarded_output_tokens=0)
        if stage == "unknown":
            return Refused(refusals=(refusal,))
        return Refused(refusals=(refusal,), discarded_input_tokens=input_tokens, discarded_output_tokens=output_tokens)


_SIDES: tuple[tuple[Side, tuple[str, ...]], ...] = (
    ("input", ("inputAssessment", "input")),
    ("output", ("outputAssessments", "outputs")),
)


class GuardrailReader:
    """Reads the answer of `ApplyGuardrail`: no model is called, so there are no tokens.

    Only the request says whether the text is a prompt or an output; without it the stage is unknown.
    """

    __slots__ = ("_action", "_assessments", "_error", "_finished", "_side", "decided")

    glance = staticmethod(never)
    skip = NOTHING
    response_id: str | None = None
    response_model: str | None = None

    def __init__(self) -> None:
        self.decided = self._finished = False
        self._action: str | None = None
        self._assessments = Assessments()
        self._error: Outcome | None = None
        self._side: Side = "unknown"

    @staticmethod
    def reads(wire: object) -> bool:
        """Whether `wire` is an answer of `ApplyGuardrail`."""
        return text(wire, "action") is not None and isinstance(field(wire, "assessments"), (list, tuple))

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        return (self._action,) if self._action else ()

    def feed(self, wire: object, /) -> None:
        if is_error(wire):
            self._error, self.decided = error_outcome(wire), True
            return
        source = text(wire, "source")
        if source is not None:  # the request
            self._side = "input" if source == "INPUT" else "output" if source == "OUTPUT" else "unknown"
            return
        self._finished = self.decided = True
        self._action = text(wire, "action")
        for assessment in items(wire, "assessments"):
            self._assessments.read(assessment, self._side)

    def outcome(self) -> Outcome | None:
        if self._error is not None:
            return self._error
        if self._action is None:
            return Unknown(MISSING) if self._finished else None
        if self._action == "NONE":
            return Completed(self._action)
        if self._action != "GUARDRAIL_INTERVENED":
            return Unknown(self._action)
        if self._assessments.only_masked:
            return Completed(self._action)
        return self._assessments.refused(self._action, None, None)
