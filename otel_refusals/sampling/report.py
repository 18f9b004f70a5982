"""What was counted, with how sure it is: one form for a sample, for batches and for the history of a Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from otel_refusals.sampling.case import Case
from otel_refusals.sampling.statistics import CONFIDENCE, Difference, Share, independent, paired

Kind = tuple[str, str]
"""Category and stage of a refusal."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens that were thrown away.

    Args:
        count: How many, of those that are known.
        unreported: Refused requests of which it is not known.
    """

    count: int = 0
    unreported: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Requests that are counted together: those to one model, or of one file.

    Args:
        name: What they have in common.
        outcomes: Requests by outcome.
        kinds: Refusals by category and stage.
        discarded_input, discarded_output: Tokens of those that were refused.
        declined: Ids of those that were refused; None where nobody knows them.
        unknown_signals: Stop reasons that no reader knows, and how often they came.
    """

    name: str
    outcomes: Mapping[str, int]
    kinds: Mapping[Kind, int]
    discarded_input: Tokens = Tokens()
    discarded_output: Tokens = Tokens()
    declined: tuple[str, ...] | None = None
    unknown_signals: Mapping[str, int] = field(default_factory=dict)

    @property
    def answered(self) -> int:
        """Requests that were no errors: what every share is a share of, as on the dashboards."""
        return sum(count for outcome, count in self.outcomes.items() if outcome != "error")

    @property
    def refused(self) -> Share | None:
        """The share that was refused; None where nothing was answered."""
        return self.share(self.outcomes.get("refused", 0))

    def share(self, count: int) -> Share | None:
        """`count` as a share of what was answered; None where it is none, as a request can hold many declines."""
        return Share(count=count, total=self.answered) if 0 <= count <= self.answered > 0 else None

    def by_category(self) -> list[tuple[str, int]]:
        """Refusals by category, the most frequent first."""
        return self._by(0)

    def by_stage(self) -> list[tuple[str, int]]:
        """Refusals by stage, the most frequent first."""
        return self._by(1)

    def _by(self, part: int) -> list[tuple[str, int]]:
        counts: Counter[str] = Counter()
        for kind, count in self.kinds.items():
            counts[kind[part]] += count
        return counts.most_common()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that is shown.

    Args:
        title: What was measured.
        groups: What was counted.
        difference: Between the two groups, where there are two.
        notes: Sentences that a reader of the figures has to know.
        prompts: The text of declined prompts by id, where it was asked for.
    """

    title: str
    groups: Sequence[Group]
    difference: Difference | None = None
    notes: Sequence[str] = ()
    prompts: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The same for a machine."""
        return {
            "title": self.title,
            "confidence": CONFIDENCE,
            "groups": [_group_as_json(group) for group in self.groups],
            "difference": _difference_as_json(self.difference, self.groups) if self.difference else None,
            "notes": list(self.notes),
            **({"prompts": dict(self.prompts)} if self.prompts else {}),
        }


def group_of(name: str, cases: Iterable[Case]) -> Group:
    """The cases, counted."""
    cases = list(cases)
    refused = [case for case in cases if case.outcome == "refused"]
    return Group(
        name=name,
        outcomes=Counter(case.outcome for case in cases),
        kinds=Counter((case.category or "unspecified", case.stage or "unknown") for case in refused),
        discarded_input=_tokens([case.discarded_input_tokens for case in refused]),
        discarded_output=_tokens([case.discarded_output_tokens for case in refused]),
        declined=tuple(case.id for case in refused),
        unknown_signals=Counter(case.signal or "" for case in cases if case.outcome == "unknown"),
    )


def difference_between(groups: Sequence[Group]) -> Difference | None:
    """The second of two groups minus the first, as of different requests; None where there are not two."""
    if len(groups) != 2:
        return None
    first, second = (group.refused for group in groups)
    return independent(first, second) if first and second else None


def paired_difference(first: Iterable[Case], second: Iterable[Case]) -> Difference | None:
    """The second minus the first, over the requests that both have answered; None where there are none."""
    before = {case.id: case.outcome == "refused" for case in first if case.answered}
    after = {case.id: case.outcome == "refused" for case in second if case.answered}
    pairs = Counter((before[name], after[name]) for name in before if name in after)
    if not pairs:
        return None
    return paired(pairs[True, True], pairs[True, False], pairs[False, True], pairs[False, False])


def _tokens(counts: Sequence[int | None]) -> Tokens:
    known = [count for count in counts if count is not None]
    return Tokens(sum(known), len(counts) - len(known))


def _group_as_json(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "requests": sum(group.outcomes.values()),
        "answered": group.answered,
        "outcomes": dict(group.outcomes),
        "refused": _share_as_json(group.outcomes.get("refused", 0), group.refused),
        "categories": {name: _share_as_json(count, group.share(count)) for name, count in group.by_category()},
        "stages": {name: _share_as_json(count, group.share(count)) for name, count in group.by_stage()},
        "discarded_input_tokens": group.discarded_input.count,
        "discarded_input_tokens_unreported": group.discarded_input.unreported,
        "discarded_output_tokens": group.discarded_output.count,
        "discarded_output_tokens_unreported": group.discarded_output.unreported,
        "unknown_stop_reasons": dict(group.unknown_signals),
        "declined": list(group.declined) if group.declined is not None else None,
    }


def _share_as_json(count: int, share: Share | None) -> dict[str, Any]:
    if share is None:
        return {"count": count, "share": None, "low": None, "high": None}
    low, high = share.interval
    return {"count": count, "share": share.value, "low": low, "high": high}


def _difference_as_json(difference: Difference, groups: Sequence[Group]) -> dict[str, Any]:
    return {
        "of": groups[1].name,
        "minus": groups[0].name,
        "difference": difference.value,
        "low": difference.interval.low,
        "high": difference.interval.high,
        "p_value": difference.p_value,
        "significant": difference.significant,
        "method": difference.method,
        "pairs": difference.total,
    }
