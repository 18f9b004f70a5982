"""How each provider says no, and what that becomes: the tables of the README and the docs, from the wire fixtures.

`python -m tests.provider_table` writes them; a test fails when they are stale.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from otel_refusals import Refused, Rescued, outcome_of
from tests.fixtures import FIXTURES, Fixture

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "docs" / "providers.md")

NAMES = {
    "anthropic": "Anthropic",
    "openai": "OpenAI",
    "azure_openai": "Azure OpenAI",
    "gemini": "Google Gemini",
    "bedrock": "AWS Bedrock",
    "mistral": "Mistral",
    "cohere": "Cohere",
}

Key = tuple[str, str, str]

_SHOWN = 7
"""How many signals a line of the short table names."""


def providers() -> str:
    """One line per provider and who declines there."""
    found: dict[tuple[str, str], list[tuple[str, Fixture]]] = defaultdict(list)
    for (provider, signal, source), fixtures in _by_signal().items():
        found[provider, source] += [(signal, fixture) for fixture in fixtures]
    rows = ["| provider | says no by | HTTP status | who declines | stage |", "|---|---|---|---|---|"]
    for name in NAMES.values():
        for (provider, source), told in found.items():
            if provider == name:
                fixtures = [fixture for _, fixture in told]
                signals = [f"`{signal}`" for signal, _ in Counter(signal for signal, _ in told).most_common()]
                more = f" and {len(signals) - _SHOWN} more" if len(signals) > _SHOWN else ""
                cells = (provider, ", ".join(signals[:_SHOWN]) + more, _list(fixtures, "status"), source)
                rows.append(f"| {' | '.join((*cells, _list(fixtures, 'stage')))} |")
    return "\n".join(rows)


def summary() -> str:
    """One line per provider and signal."""
    found = _by_signal()
    rows = ["| provider | says no by | HTTP status | who declines | stage | category |", "|---|---|---|---|---|---|"]
    for provider in NAMES.values():
        for (name, signal, source), fixtures in found.items():
            if name == provider:
                cells = (provider, f"`{signal}`", _list(fixtures, "status"), source)
                rows.append(f"| {' | '.join((*cells, _list(fixtures, 'stage'), _list(fixtures, 'category')))} |")
    return "\n".join(rows)


def _by_signal() -> dict[Key, list[Fixture]]:
    found: dict[Key, list[Fixture]] = defaultdict(list)
    for fixture in FIXTURES:
        outcome = outcome_of(fixture.body)
        if isinstance(outcome, (Refused, Rescued)):
            found[_provider(fixture), outcome.refusal.signal, outcome.refusal.source].append(fixture)
    return found


def every_shape() -> str:
    """One line per wire fixture."""
    rows = ["| provider | what is on the wire | outcome | category | stage | discarded output tokens |"]
    rows.append("|---|---|---|---|---|---|")
    for provider in NAMES.values():
        for fixture in FIXTURES:
            if _provider(fixture) == provider:
                tokens = fixture.discarded_output_tokens
                cells = (provider, fixture.about or fixture.path, fixture.outcome, fixture.category, fixture.stage)
                text = [_cell(cell) for cell in (*cells, tokens)]
                rows.append(f"| {' | '.join(text)} |")
    return "\n".join(rows)


def written(page: str) -> str:
    """`page` with its tables made anew."""
    for name, make in (("providers", providers), ("signals", summary), ("shapes", every_shape)):
        begin, end = f"<!-- {name}: python -m tests.provider_table -->", f"<!-- end of {name} -->"
        page = re.sub(
            f"{re.escape(begin)}.*?{re.escape(end)}",
            lambda _, table=make, begin=begin, end=end: f"{begin}\n{table()}\n{end}",  # type: ignore[misc]
            page,
            flags=re.DOTALL,
        )
    return page


def _provider(fixture: Fixture) -> str:
    return NAMES[fixture.path.partition("/")[0]]


def _list(fixtures: list[Fixture], column: str) -> str:
    return ", ".join(dict.fromkeys(_values(fixtures, column)))


def _values(fixtures: list[Fixture], column: str) -> Iterator[str]:
    return (_cell(getattr(fixture, column)) for fixture in fixtures)


def _cell(value: object) -> str:
    return "" if value is None else str(value).replace("|", "\\|")


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(written(path.read_text()))
