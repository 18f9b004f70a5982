"""The file of prompts: what it may hold, and how it is told what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_refusals.sampling.prompts import Prompt, PromptsError, fingerprint, read_prompts, selected

GOOD = '{"id": "a", "prompt": "Hello"}'


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "is not JSON"),
        ("[1]", "is no object"),
        ('{"prompt": "x"}', "has no `id`"),
        ('{"id": 7, "prompt": "x"}', "has no `id`"),
        ('{"id": "b"}', "'b' needs `prompt` or `messages`"),
        ('{"id": "b", "prompt": "x", "messages": []}', "'b' needs `prompt` or `messages`"),
        ('{"id": "b", "prompt": "  "}', "the `prompt` of 'b' is not a text, or is empty"),
        ('{"id": "b", "prompt": ["x"]}', "the `prompt` of 'b' is not a text, or is empty"),
        ('{"id": "b", "messages": []}', "the `messages` of 'b' are not a list"),
        ('{"id": "b", "messages": [{"role": "user"}]}', "the `messages` of 'b' are not a list"),
        (GOOD, "the id 'a' stands on a line above, too"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, line: str, told: str) -> None:
    """The file, the line, and what it lacks; empty lines count as lines."""
    file = tmp_path / "prompts.jsonl"
    file.write_text(f"{GOOD}\n\n{line}\n")

    with pytest.raises(PromptsError) as caught:
        read_prompts(file)

    assert str(caught.value).startswith(f"{file}, line 3: ")
    assert told in str(caught.value)


def test_no_file_and_no_prompts_are_told(tmp_path: Path) -> None:
    """Also a file of nothing but empty lines."""
    (tmp_path / "empty").write_text("\n\n")

    with pytest.raises(PromptsError, match="missing: no such file"):
        read_prompts(tmp_path / "missing")
    with pytest.raises(PromptsError, match="empty: holds no prompts"):
        read_prompts(tmp_path / "empty")


def test_a_prompt_is_a_text_or_a_conversation(tmp_path: Path) -> None:
    """With or without the mark that some editors put at the start of a file."""
    file = tmp_path / "prompts.jsonl"
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hé"}]
    file.write_bytes(b"\xef\xbb\xbf" + f"{GOOD}\n{json.dumps({'id': 'b', 'messages': messages})}".encode())

    first, second = read_prompts(file)

    assert first == Prompt("a", ({"role": "user", "content": "Hello"},))
    assert second.text == "Be brief.\nHé"
    assert second.size >= len("Be brief.Hé".encode())


@given(st.integers(0, 40), st.integers(0, 40), st.integers())
def test_a_larger_sample_begins_with_the_smaller_one(smaller: int, more: int, seed: int) -> None:
    """And none is chosen twice."""
    prompts = [Prompt(str(number), ()) for number in range(50)]
    few, many = selected(prompts, smaller, seed), selected(prompts, smaller + more, seed)

    assert many[:smaller] == few
    assert len({prompt.id for prompt in many}) == min(smaller + more, 50)


def test_other_prompts_have_another_fingerprint() -> None:
    """A changed word is enough."""
    first, second = (fingerprint([Prompt("a", ({"role": "user", "content": text},))]) for text in ("one", "two"))

    assert first != second
    assert "one" not in first
