"""What a response says, in words for a person and in JSON for a machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from typing_extensions import assert_never

from otel_refusals.config import STOP_REASONS
from otel_refusals.outcome import (
    MISSING,
    Completed,
    Errored,
    Incomplete,
    Outcome,
    Paused,
    Refusal,
    Refused,
    Rescued,
    Source,
    Stage,
    ToolCall,
    Truncated,
    Unknown,
)

_WHO: dict[Source, str] = {
    "model": "the model wrote the decline itself",
    "classifier": "the provider's safety classifier or content filter",
    "guardrail": "a policy that the customer configured",
    "unknown": "the response does not say",
}
_WHEN: dict[Stage, str] = {
    "pre_output": "before any output",
    "mid_stream": "after the model had produced content",
    "unknown": "the response does not say",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One response and where it belongs.

    Args:
        provider: Whom a stop reason of the vendor is taught for.
        shape: What the vendor calls the first of the wire objects, for example `message` or `chat.completion.chunk`.
        events: How many wire objects there were: 1 for a response that is no stream.
        choices: How many choices ended; 1 for a vendor that knows only one.
    """

    outcome: Outcome
    vendor: str
    provider: str
    shape: str
    events: int
    choices: int
    response_id: str | None
    response_model: str | None


def explain(answer: Answer, *, prose: bool = False) -> RenderableType:
    """The answer for a person; with the vendor's prose only where `prose` says so."""
    outcome = answer.outcome
    match outcome:
        case Refused():
            style, says = "yellow", "The call was declined, and nobody answered instead."
            if answer.choices > 1:
                says = f"{len(outcome.refusals)} of {answer.choices} choices were declined."
            details = _declined(outcome, prose)
        case Rescued():
            style = "green"
            says = f"Declined, then answered by {printable(outcome.rescued_by or 'a fallback model')}."
            details = _declined(outcome, prose)
        case Unknown():
            return _shape(answer, "bold red", _alarm(answer.provider, outcome), [])
        case Completed():
            style, says, details = "green", "A normal end.", _signal(outcome.signal)
        case Truncated():
            style, says = "cyan", "The token limit or the context window cut the answer off."
            details = _signal(outcome.signal)
        case ToolCall():
            style, says, details = "cyan", "The model asks the application to run a tool.", _signal(outcome.signal)
        case Paused():
            style, says = "cyan", "To be continued: the vendor expects another request, or still works on this one."
            details = _signal(outcome.signal)
        case Errored():
            style, says = "magenta", "The vendor says that it failed. This is no refusal."
            details = [("error type", Text(printable(outcome.error_type), "bold"))]
        case Incomplete():
            style, says, details = "magenta", "The stream ends before the vendor said how the generation ended.", []
        case _:
            assert_never(outcome)
    return _shape(answer, style, Text(says), details)


def as_json(answer: Answer, *, prose: bool = False) -> dict[str, Any]:
    """The answer for a machine. Every key is always there; null is what the response does not say."""
    outcome = answer.outcome
    declined = outcome if isinstance(outcome, (Refused, Rescued)) else None
    return {
        "outcome": outcome.outcome,
        "vendor": answer.vendor,
        "shape": answer.shape,
        "events": answer.events,
        "response_id": answer.response_id,
        "response_model": answer.response_model,
        "signal": declined.refusal.signal if declined else getattr(outcome, "signal", None),
        "error_type": outcome.error_type if isinstance(outcome, Errored) else None,
        "rescued_by": outcome.rescued_by if isinstance(outcome, Rescued) else None,
        "discarded_input_tokens": declined.discarded_input_tokens if declined else None,
        "discarded_output_tokens": declined.discarded_output_tokens if declined else None,
        "refusals": _refusals_json(declined, prose) if declined else [],
    }


def _refusals_json(outcome: Refused | Rescued, prose: bool) -> list[dict[str, Any]]:
    return [
        {
            "category": refusal.category,
            "raw_categories": list(refusal.raw_categories),
            "stage": refusal.stage,
            "source": refusal.source,
            "signal": refusal.signal,
            "deciding": number == _deciding(outcome),
            **({"explanation": refusal.explanation} if prose else {}),
        }
        for number, refusal in enumerate(outcome.refusals)
    ]


def _deciding(outcome: Refused | Rescued) -> int:
    return outcome.deciding % len(outcome.refusals)


Rows = list[tuple[str, Text]]


def _shape(answer: Answer, style: str, says: Text, details: Rows) -> RenderableType:
    who = " of ".join(printable(part) for part in (answer.response_id, answer.response_model) if part)
    more = f" and {answer.events - 1} more events" if answer.events > 1 else ""
    shape = f"{answer.vendor}: {printable(answer.shape)}{more}"
    rows = [*details, ("response", Text(who or "without id or model", "dim")), ("shape", Text(shape, "dim"))]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, value in rows:
        table.add_row(name, value)
    title = Text(f" {answer.outcome.outcome.upper()} ", f"bold reverse {style}")
    return Panel(Group(says, Text(), table), title=title, title_align="left", border_style=style)


def _declined(outcome: Refused | Rescued, prose: bool) -> Rows:
    rows: Rows = []
    for number, refusal in enumerate(outcome.refusals):
        if len(outcome.refusals) > 1:
            deciding = ", the one that decided" if number == _deciding(outcome) else ""
            rows.append((f"decline {number + 1}", Text(f"of {len(outcome.refusals)}{deciding}", "bold")))
        rows += _rows(refusal, prose)
    rows.append(("discarded", Text(", ".join(_discarded(outcome)))))
    if isinstance(outcome, Rescued):
        rows.append(("rescued by", Text(printable(outcome.rescued_by or "a model that is not named"), "bold green")))
    return rows


def _rows(refusal: Refusal, prose: bool) -> Rows:
    raw = ", ".join(f"“{printable(name)}”" for name in refusal.raw_categories)
    named = f"{raw} in the words of the vendor" if raw else "the vendor names none"
    rows = [
        ("who", Text.assemble((refusal.source, "bold"), f": {_WHO[refusal.source]}")),
        ("when", Text.assemble((refusal.stage, "bold"), f": {_WHEN[refusal.stage]}")),
        ("why", Text.assemble((refusal.category, "bold yellow"), f": {named}")),
        *_signal(refusal.signal),
    ]
    if prose:
        rows.append(("explanation", Text(printable(refusal.explanation or "none"), "italic")))
    return rows


def _discarded(outcome: Refused | Rescued) -> Iterator[str]:
    for word, tokens in (("output", outcome.discarded_output_tokens), ("input", outcome.discarded_input_tokens)):
        yield f"{word} tokens unknown" if tokens is None else f"{tokens:,} {word} tokens"


def _signal(signal: str) -> Rows:
    return [("signal", Text(printable(signal)))]


def _alarm(provider: str, unknown: Unknown) -> Text:
    if unknown.signal == MISSING:
        return Text("The response is finished, but holds no stop reason. Treat it as no answer.", "bold red")
    signal = printable(unknown.signal)
    return Text.assemble(
        (f"No reader knows the stop reason “{signal}”.\n", "bold red"),
        "It may be an answer, a refusal or a pause; treat it as no answer until you know. Once you do, teach it:\n\n",
        (f"{STOP_REASONS}={provider}:{signal}=refused\n\n", "bold"),
        "or completed, truncated, tool_call, paused, error.",
    )


def printable(value: str) -> str:
    """A vendor's value without the control characters by which it could write to the terminal as it likes."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in value)
