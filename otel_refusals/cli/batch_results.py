"""The results of a batch, as a summary for a person and as JSON for a machine."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from otel_refusals.batch import BatchResult
from otel_refusals.cli.explain import printable
from otel_refusals.outcome import Category, Refused, Rescued, Source, Stage, Unknown
from otel_refusals.vendors._batch_line import BatchLineReader

_LISTED = 20
"""How many requests are named; JSON names them all."""


def holds_batch(body: bytes) -> bool:
    """Whether `body` begins with the result of one request of a batch."""
    try:
        return BatchLineReader.reads(json.loads(body.lstrip().partition(b"\n")[0]))
    except (ValueError, RecursionError):
        return False


def summary(results: Sequence[BatchResult]) -> RenderableType:
    """How many requests ended how, why they were declined, and which they were."""
    counts = Counter(result.outcome.outcome for result in results)
    outcomes = Table(title=f"{len(results)} requests", title_justify="left", title_style="bold")
    outcomes.add_column("outcome")
    outcomes.add_column("requests", justify="right")
    outcomes.add_column("share", justify="right")
    for word, count in counts.most_common():
        outcomes.add_row(word, str(count), f"{count / len(results):.1%}")
    parts: list[RenderableType] = [outcomes]
    declined: Counter[tuple[Category, Stage, Source]] = Counter(
        (refusal.category, refusal.stage, refusal.source)
        for result in results
        if isinstance(result.outcome, (Refused, Rescued))
        for refusal in result.outcome.refusals
    )
    if declined:
        parts.append(_declined(declined))
    for title, loud in (("declined", (Refused, Rescued)), ("with a stop reason that no reader knows", (Unknown,))):
        named = [_name(result) for result in results if isinstance(result.outcome, loud)]
        if named:
            more = f" and {len(named) - _LISTED} more" if len(named) > _LISTED else ""
            parts.append(Text(f"{title}: {', '.join(named[:_LISTED])}{more}"))
    return Group(*parts)


def batch_as_json(results: Sequence[BatchResult]) -> dict[str, Any]:
    """The same for a machine: the counts, and every request."""
    return {
        "requests": len(results),
        "outcomes": dict(Counter(result.outcome.outcome for result in results)),
        "results": [_as_json(result) for result in results],
    }


def _declined(declined: Counter[tuple[Category, Stage, Source]]) -> Table:
    table = Table(title="refusals", title_justify="left", title_style="bold")
    for name in ("category", "stage", "source"):
        table.add_column(name)
    table.add_column("refusals", justify="right")
    for labels, count in declined.most_common():
        table.add_row(*labels, str(count))
    return table


def _name(result: BatchResult) -> str:
    return printable(result.custom_id or result.response_id or f"line {result.line}")


def _as_json(result: BatchResult) -> dict[str, Any]:
    outcome = result.outcome
    refusal = outcome.refusal if isinstance(outcome, (Refused, Rescued)) else None
    return {
        "line": result.line,
        "custom_id": result.custom_id,
        "outcome": outcome.outcome,
        "provider": result.provider,
        "response_id": result.response_id,
        "response_model": result.response_model,
        "signal": refusal.signal if refusal else getattr(outcome, "signal", None),
        "category": refusal.category if refusal else None,
        "stage": refusal.stage if refusal else None,
        "source": refusal.source if refusal else None,
    }
