"""What became of one operation: a sealed union of frozen types.

The law of this module: an outcome that contradicts itself cannot be built. A refusal always has a category from the
closed set, a stage and a source; a `Refused` always has a refusal; a `Completed` can carry none. Consumers `match` on
the classes and end in `assert_never`, so that a new outcome breaks the type check wherever it must be thought about.

Standard library only: no SDK, no OpenTelemetry.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias, final, get_args

__all__ = [
    "CATEGORIES",
    "Category",
    "Completed",
    "Ending",
    "Errored",
    "Incomplete",
    "Origin",
    "Outcome",
    "Paused",
    "Refusal",
    "Refused",
    "Rescued",
    "Source",
    "Stage",
    "ToolCall",
    "Truncated",
    "Unknown",
]

Category = Literal[
    "cyber",
    "bio",
    "weapons",
    "frontier_llm",
    "reasoning_extraction",
    "general_harms",
    "misalignment",
    "hate",
    "harassment",
    "sexual",
    "violence",
    "self_harm",
    "dangerous",
    "jailbreak",
    "copyright",
    "privacy",
    "blocklist",
    "prohibited_content",
    "image",
    "language",
    "guardrail",
    "unspecified",
    "other",
]
"""Why the vendor declined, the same words for every vendor. `unspecified`: it named no category; `other`: it named one
that no reader knows."""

Stage = Literal["pre_output", "mid_stream", "unknown"]
"""`mid_stream` if the model had produced content of any kind before the decline, else `pre_output`; `unknown` where the
response does not say."""

Source = Literal["model", "classifier", "guardrail", "unknown"]
"""Who declined: the model in its own words, the provider's safety classifier or content filter, or a policy that the
customer configured."""

CATEGORIES: frozenset[str] = frozenset(get_args(Category))
_STAGES = frozenset(get_args(Stage))
_SOURCES = frozenset(get_args(Source))

MISSING = "missing"
"""The signal of a finished response that holds no stop reason at all."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One decline. An operation holds several when several models or several choices declined.

    Args:
        category: The normalised category; of several named by the vendor, the one with the highest severity.
        raw_categories: The vendor's own names, in its order.
        confidential: Those of them that the customer chose, such as the name of a denied topic. Content: never
            exported unless capture is switched on.
        stage: Whether the model had already produced content.
        source: Who declined.
        signal: The vendor's value that was read, for example `refusal`, `content_filter`, `cyber_policy`.
        explanation: The vendor's prose, or the refusal text. Content: never exported unless capture is switched on.

    Raises:
        ValueError: for a category, stage or source outside its closed set.
    """

    category: Category
    raw_categories: tuple[str, ...] = ()
    confidential: tuple[str, ...] = field(default=(), repr=False)
    stage: Stage
    source: Source
    signal: str
    explanation: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.category not in CATEGORIES:
            raise ValueError(f"refusal category {self.category!r} is not one of {sorted(CATEGORIES)}")
        if self.stage not in _STAGES:
            raise ValueError(f"refusal stage {self.stage!r} is not one of {sorted(_STAGES)}")
        if self.source not in _SOURCES:
            raise ValueError(f"refusal source {self.source!r} is not one of {sorted(_SOURCES)}")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which operation an outcome is of, as far as the instrumentation saw it.

    Args:
        provider: Value of `gen_ai.provider.name`.
        operation: Value of `gen_ai.operation.name`.
        model: The requested model; None where the request names none.
        response_model: The model that answered.
        response_id: The vendor's id of the response.
        workload: The workload of the call.
    """

    provider: str
    operation: str
    model: str | None
    response_model: str | None
    response_id: str | None
    workload: str


class _Declined:
    """What `Refused` and `Rescued` share: at least one refusal, and what was thrown away because of it."""

    __slots__ = ()
    refusals: tuple[Refusal, ...]
    deciding: int

    def __post_init__(self) -> None:
        if not self.refusals:
            raise ValueError(f"{type(self).__name__} without a refusal")
        self.refusals[self.deciding]  # an index outside is an error here, not at the first reader

    @property
    def refusal(self) -> Refusal:
        """The decline that decided the operation: the last hop of a fallback chain, the first refused choice."""
        return self.refusals[self.deciding]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(_Declined):
    """The model, a classifier or a guardrail declined, and nobody answered instead.

    Args:
        refusals: Every decline inside the operation, in order.
        deciding: Index of the one that decided the operation.
        discarded_input_tokens: Tokens billed as input for nothing; None where the data does not say.
        discarded_output_tokens: Tokens generated and to be thrown away; None where the data does not say.
        origin: Which operation it was, where the instrumentation saw it.
    """

    outcome: ClassVar[Literal["refused"]] = "refused"
    refusals: tuple[Refusal, ...]
    deciding: int = 0
    discarded_input_tokens: int | None = None
    discarded_output_tokens: int | None = None
    origin: Origin | None = field(default=None, compare=False, repr=False)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Rescued(_Declined):
    """At least one decline inside the operation, and a fallback model answered.

    Args:
        refusals: Every decline inside the operation, in order.
        deciding: Index of the one that stands for the operation.
        rescued_by: The model that answered, where the vendor names it.
        signal: The stop reason of the answer.
        discarded_input_tokens: As in `Refused`.
        discarded_output_tokens: As in `Refused`; 0 when the partial text stays in the message.
        origin: As in `Refused`.
    """

    outcome: ClassVar[Literal["rescued"]] = "rescued"
    refusals: tuple[Refusal, ...]
    deciding: int = 0
    rescued_by: str | None = None
    signal: str = ""
    discarded_input_tokens: int | None = None
    discarded_output_tokens: int | None = None
    origin: Origin | None = field(default=None, compare=False, repr=False)


@final
@dataclass(frozen=True, slots=True)
class Completed:
    """A normal end, also with an empty answer, or with a refusal in prose that no machine can tell."""

    outcome: ClassVar[Literal["completed"]] = "completed"
    signal: str


@final
@dataclass(frozen=True, slots=True)
class Truncated:
    """The token limit or the context window ended the generation."""

    outcome: ClassVar[Literal["truncated"]] = "truncated"
    signal: str


@final
@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks the application to run a tool."""

    outcome: ClassVar[Literal["tool_call"]] = "tool_call"
    signal: str


@final
@dataclass(frozen=True, slots=True)
class Paused:
    """To be continued: the vendor expects another request, or still works on this one."""

    outcome: ClassVar[Literal["paused"]] = "paused"
    signal: str


@final
@dataclass(frozen=True, slots=True)
class Errored:
    """An exception, or a status by which the vendor says that it failed; `error_type` names it."""

    outcome: ClassVar[Literal["error"]] = "error"
    error_type: str


@final
@dataclass(frozen=True, slots=True)
class Incomplete:
    """The caller left, or the connection was cut, before the vendor said how the generation ended."""

    outcome: ClassVar[Literal["incomplete"]] = "incomplete"


@final
@dataclass(frozen=True, slots=True)
class Unknown:
    """A stop reason that no reader knows, verbatim, or `missing` for a finished response without one."""

    outcome: ClassVar[Literal["unknown"]] = "unknown"
    signal: str
    origin: Origin | None = field(default=None, compare=False, repr=False)


Ending: TypeAlias = Completed | Truncated | ToolCall | Paused
"""How an operation ended that nobody must act on, in the vendor's word for it."""

Outcome: TypeAlias = Completed | Truncated | ToolCall | Paused | Refused | Rescued | Errored | Incomplete | Unknown
"""How one operation ended. Each member carries the contract's word for it in `outcome`."""
