"""The tables of how each provider says no are made from the wire fixtures, and are up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.provider_table import NAMES, PAGES, summary, written


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_tables_are_those_of_the_fixtures(path: Path) -> None:
    """`python -m tests.provider_table` writes them anew."""
    page = path.read_text()

    assert "python -m tests.provider_table" in page
    assert written(page) == page


def test_every_provider_says_no_somehow() -> None:
    """A provider whose fixtures hold no refusal would be a provider that nobody tested."""
    assert set() == {name for name in NAMES.values() if f"| {name} |" not in summary()}
