"""The words by which responses say how they ended, from the vendors' tables.

A word is compared in lower case and by its last part: `"STOP"`, `FinishReason.STOP` and `"stop"` are one.
"""

from __future__ import annotations

from dataclasses import dataclass

from otel_refusals.outcome import Completed, Errored
from otel_refusals.vendors import VENDORS

_ENDINGS = tuple(ending for vendor in VENDORS for ending in vendor.endings)

FIELDS = frozenset(name for ending in _ENDINGS for name in ending.fields)
"""Members that hold a stop reason; a dot where the name alone would say nothing."""

REFUSALS = frozenset(word.lower() for ending in _ENDINGS for word in ending.refusals)
"""Stop reasons that are refusals, in lower case, of all vendors."""

LOOKS = {part for name in FIELDS for part in name.split(".") if part != "reason"} | {
    "refusal",
    "stop_details",
    "prompt_feedback",
    "promptFeedback",
    "outcome_of",
    "read_batch",
}
"""Names and keys by which code looks at how a response ended: a stop reason, what stands beside it, and our own."""

_DECLINED = ("refus", "content_filter", "contentfilter", "blocked", "prohibited", "guardrail", "stopcandidate")


def is_about_refusals(name: str) -> bool:
    """Whether a name is about refusals, whatever it names: an exception, a function, a flag."""
    name = name.lower()
    return any(word in name for word in _DECLINED)


@dataclass(frozen=True, slots=True)
class Told:
    """What code tells apart of the values of one field.

    Args:
        ends: The normal ends among the values that it names.
        refusal: The usual refusals in that field, which it does not name.
        normal: The usual normal ends.
    """

    ends: frozenset[str]
    refusal: str
    normal: str


def told(name: str, words: frozenset[str]) -> Told | None:
    """What code tells apart that compares the field `name` with `words`.

    None where a word belongs to no vendor (the code has a vocabulary of its own), where one names a refusal, and where
    all of them are failures (the code asks whether the call failed).
    """
    ends: set[str] = set()
    refusals: list[str] = []
    normal: list[str] = []
    for ending in _ENDINGS:
        known = {word.lower(): outcome for word, outcome in ending.reasons.items()}
        if name in ending.fields and words <= known.keys() and any(known[word] is not Errored for word in words):
            ends |= {word for word in words if known[word] is Completed}
            refusals.append(ending.refusals[0])
            normal += [word for word, outcome in ending.reasons.items() if outcome is Completed][:1]
    return Told(frozenset(ends), _either(refusals), _either(normal)) if refusals else None


def _either(words: list[str]) -> str:
    return " or ".join(f'"{word}"' for word in dict.fromkeys(words))


def is_normal(name: str, word: str) -> bool:
    """Whether `word` is a normal end in the field `name`, for any vendor."""
    return any(
        name in ending.fields and any(key.lower() == word and kind is Completed for key, kind in ending.reasons.items())
        for ending in _ENDINGS
    )


def is_end(word: str) -> bool:
    """Whether `word` is a normal end of any vendor, in any spelling: `"endTurn"` is `"end_turn"`."""
    return _plain(word) in _ENDS


def _plain(word: str) -> str:
    return word.lower().replace("_", "")


_ENDS = {_plain(word) for ending in _ENDINGS for word, outcome in ending.reasons.items() if outcome is Completed}
