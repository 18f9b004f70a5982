"""The journal: what is in it stays in it, and what is not one is not taken for one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from otel_refusals.sampling.case import Case
from otel_refusals.sampling.journal import JournalError, Settings, open_journal

SETTINGS = Settings(vendor="anthropic", models=("m",), prompts="f", seed=0, stream=False, max_tokens=9, base_url=None)
CASE = Case(
    id="a", model="m", outcome="refused", signal="refusal", category="cyber", stage="pre_output", input_tokens=4
)


def written(path: Path) -> bytes:
    """A journal with one answer, one request in doubt and one that failed; its bytes."""
    with open_journal(path, SETTINGS) as journal:
        for name in ("a", "b", "c"):
            journal.asking((name, "m"), 100)
        journal.answer(CASE)
        journal.failed(("c", "m"), "RateLimitError")
    return path.read_bytes()


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    """The answer, and what is in doubt with what is held back for it; what failed is as if it had not been asked."""
    written(tmp_path / "deep" / "journal")
    with open_journal(tmp_path / "deep" / "journal", SETTINGS) as journal:
        assert journal.answered == {("a", "m"): CASE}
        assert journal.doubtful == {("b", "m"): 100}


def test_a_journal_that_is_cut_anywhere_can_be_resumed(tmp_path: Path) -> None:
    """After every single byte: whole lines are kept, a torn one is removed, and writing goes on behind them."""
    path = tmp_path / "journal"
    body = written(path)
    for size in range(len(body)):
        path.write_bytes(body[:size])
        with open_journal(path, SETTINGS) as journal:
            assert set(journal.answered) == ({("a", "m")} if body[:size].count(b"\n") >= 5 else set())
            journal.answer(replace(CASE, id="z"))
        with open_journal(path, SETTINGS) as journal:
            assert ("z", "m") in journal.answered


def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    """Whatever `--out` named by mistake, it is not touched."""
    for body in (b'{"id": "a", "prompt": "x"}\n', b"a text without an end", b"\x00\n", b"[]\n"):
        (tmp_path / "file").write_bytes(body)

        with pytest.raises(JournalError, match="is no journal"):
            open_journal(tmp_path / "file", SETTINGS)
        assert (tmp_path / "file").read_bytes() == body


@pytest.mark.parametrize(
    "line",
    [b"not JSON", b"[]", b"{}", b'{"asking": "a", "reserve": 1}', b'{"answer": {"outcome": "refused"}}',
     b'{"answer": {"id": "a", "model": "m", "outcome": "great"}}', b'{"answer": {"id": 1, "outcome": "refused"}}'],
)  # fmt: skip
def test_a_broken_line_is_named(tmp_path: Path, line: bytes) -> None:
    """In the middle of a journal nothing is guessed."""
    path = tmp_path / "journal"
    path.write_bytes(written(path) + line + b"\n")

    with pytest.raises(JournalError, match=r"journal, line 7: is no line of a journal"):
        open_journal(path, SETTINGS)


def test_a_newer_journal_is_refused(tmp_path: Path) -> None:
    """By its version."""
    path = tmp_path / "journal"
    path.write_bytes(written(path).replace(b'{"journal": 1', b'{"journal": 2', 1))

    with pytest.raises(JournalError, match="is a journal of version 2"):
        open_journal(path, SETTINGS)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A directory is no journal."""
    with pytest.raises(JournalError, match="directory"):
        open_journal(tmp_path, SETTINGS)
