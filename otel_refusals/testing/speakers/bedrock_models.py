"""The bodies of InvokeModel, in the words of the model's family: Claude, Nova, Titan and Llama.

Shapes as in the Bedrock user guide, "Inference request parameters and response fields for foundation models". With a
category it is the customer's guardrail that intervenes, in members that Bedrock adds to the body; without one the
family's own filter ends the answer. Llama has none, so there it is the guardrail, without a trace. Claude declines in
its own words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from otel_refusals.testing.speakers import anthropic_messages, bedrock
from otel_refusals.testing.speakers.turn import NotSpokenError, Turn

_Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Family:
    """How one family answers.

    Args:
        whole: Makes a body.
        chunks: Makes a stream.
        calls_tools: Whether there is a form for tool calls.
        guarded: Whether Bedrock's words about a guardrail are added.
    """

    whole: Callable[[Turn], _Item]
    chunks: Callable[[Turn], Iterator[_Item]]
    calls_tools: bool = False
    guarded: bool = True


def body(turn: Turn) -> _Item:
    """The whole body.

    Raises:
        NotSpokenError: for a family whose wire is not spoken here, or a tool call of a family that has none.
    """
    family = _family(turn)
    return family.whole(turn) | (_guardrail(turn) if family.guarded else {})


def chunks(turn: Turn) -> Iterator[_Item]:
    """The stream of the same; what Bedrock adds comes in the last chunk.

    Raises:
        NotSpokenError: as `body`.
    """
    family = _family(turn)
    if not family.guarded:
        return family.chunks(turn)
    *first, last = family.chunks(turn)
    return iter([*first, last | _guardrail(turn)])


def _family(turn: Turn) -> _Family:
    named = "claude" if "anthropic_version" in turn.body else turn.model
    family = next((family for word, family in _FAMILIES.items() if word in named), None)
    if family is None:
        raise NotSpokenError(
            f"InvokeModel of {turn.model!r}: scenarios are played in the bodies of {', '.join(_FAMILIES)}; "
            "for another family give a fixture: inject(..., wire=wire('bedrock', ...))"
        )
    if turn.calls_tool and not family.calls_tools:
        raise NotSpokenError(f"InvokeModel of {turn.model!r}: this family has no form for a tool call")
    return family


def _intervenes(turn: Turn, filters: bool = True) -> bool:
    """Whether the guardrail declines: `filters` tells whether the family has a filter of its own."""
    return turn.scenario.outcome == "refused" and not (filters and bedrock.category(turn) is None)


def _guardrail(turn: Turn) -> _Item:
    if not _intervenes(turn, filters="llama" not in turn.model):
        return {"amazon-bedrock-guardrailAction": "NONE"} if turn.body.get("amazon-bedrock-guardrailConfig") else {}
    category, answer = bedrock.category(turn), {"amazon-bedrock-guardrailAction": "INTERVENED"}
    if category is None:
        return answer
    assessed = {"stub": bedrock.assessment(category)}
    trace: _Item = {"outputs": [assessed]} if turn.scenario.speaks else {"input": assessed}
    return {**answer, "amazon-bedrock-trace": {"guardrail": trace}}


def _told(turn: Turn, words: dict[str, str], filtered: str) -> str:
    """How the family says that it ended: as ever, where a guardrail took over afterwards."""
    if turn.scenario.outcome == "refused":
        return words["completed"] if _intervenes(turn) else filtered
    return words.get(turn.scenario.outcome, turn.scenario.stop_reason)


def _text(turn: Turn) -> list[str]:
    return [bedrock.BLOCKED] if turn.scenario.outcome == "refused" and not turn.text else turn.text


_TITAN = {"completed": "FINISH", "truncated": "LENGTH"}
_LLAMA = {"completed": "stop", "truncated": "length"}


def _titan(turn: Turn) -> _Item:
    reason = _told(turn, _TITAN, "CONTENT_FILTERED")
    result = {"tokenCount": turn.output_tokens, "outputText": "".join(_text(turn)), "completionReason": reason}
    return {"inputTextTokenCount": turn.input_tokens, "results": [result]}


def _titan_chunks(turn: Turn) -> Iterator[_Item]:
    reason = _told(turn, _TITAN, "CONTENT_FILTERED")
    for index, piece in enumerate([*_text(turn), ""]):
        last = index == len(_text(turn))
        yield {
            "outputText": piece,
            "index": index,
            "totalOutputTextTokenCount": turn.output_tokens if last else None,
            "completionReason": reason if last else None,
            "inputTextTokenCount": None if index else turn.input_tokens,
        }


def _llama(turn: Turn) -> _Item:
    return {
        "generation": "".join(_text(turn)),
        "prompt_token_count": turn.input_tokens,
        "generation_token_count": turn.output_tokens,
        "stop_reason": _told(turn, _LLAMA, _LLAMA["completed"]),
    }


def _llama_chunks(turn: Turn) -> Iterator[_Item]:
    for index, piece in enumerate(_text(turn)):
        into = None if index else turn.input_tokens
        count = min(index + 1, turn.output_tokens)
        yield {
            "generation": piece,
            "prompt_token_count": into,
            "generation_token_count": count,
            "stop_reason": None,
        }
    yield {**_llama(turn), "generation": "", "prompt_token_count": None}


def _filtered(turn: Turn) -> Turn:
    """The same without a category: then it is the filter of Nova that Converse's body tells of."""
    return replace(turn, scenario=replace(turn.scenario, category=None))


def _nova(turn: Turn) -> _Item:
    whole = bedrock.converse(_filtered(turn))
    return whole | ({"stopReason": "end_turn"} if _intervenes(turn) else {})


def _nova_chunks(turn: Turn) -> Iterator[_Item]:
    for event in bedrock.converse_events(_filtered(turn)):
        yield {"messageStop": {"stopReason": "end_turn"}} if "messageStop" in event and _intervenes(turn) else event


_FAMILIES = {
    "claude": _Family(anthropic_messages.message, anthropic_messages.message_events, calls_tools=True, guarded=False),
    "nova": _Family(_nova, _nova_chunks, calls_tools=True),
    "titan": _Family(_titan, _titan_chunks),
    "llama": _Family(_llama, _llama_chunks),
}
