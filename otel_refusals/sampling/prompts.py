"""The prompts of a sample, from a file of JSON lines."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class PromptsError(Exception):
    """A file that holds no usable prompts. The message names the file and the line."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt.

    Args:
        id: The caller's own name for it, unique in its file.
        messages: The conversation in the form that both vendors share: `role` and `content`. A `system` message may
            stand first.
    """

    id: str
    messages: tuple[dict[str, Any], ...]

    @property
    def size(self) -> int:
        """Bytes of the conversation as JSON: no tokenizer makes more tokens of a text than it has bytes."""
        return len(json.dumps(self.messages, ensure_ascii=False).encode("utf-8", "replace"))

    @property
    def text(self) -> str:
        """What was asked, to be shown to a person."""
        return "\n".join(_shown(message.get("content")) for message in self.messages)


def read_prompts(path: Path) -> list[Prompt]:
    """The prompts of a file of JSON lines, each with `id` and either `prompt` or `messages`.

    Raises:
        PromptsError: for a line that is no prompt, an id that stands twice, a file that cannot be read or is empty.
    """
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()
    except OSError as error:
        raise PromptsError(f"{path}: {(error.strerror or type(error).__name__).lower()}") from None
    prompts: dict[str, Prompt] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            prompt = _prompt(line)
        except ValueError as error:
            raise PromptsError(f"{path}, line {number}: {error}") from None
        if prompt.id in prompts:
            raise PromptsError(f"{path}, line {number}: the id {prompt.id!r} stands on a line above, too")
        prompts[prompt.id] = prompt
    if not prompts:
        raise PromptsError(f"{path}: holds no prompts")
    return list(prompts.values())


def fingerprint(prompts: Sequence[Prompt]) -> str:
    """A digest by which a file of prompts is known again; from it no prompt can be read."""
    text = json.dumps([(prompt.id, prompt.messages) for prompt in prompts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def selected(prompts: Sequence[Prompt], count: int, seed: int) -> list[Prompt]:
    """`count` of the prompts at random, without asking one twice; all of them where there are no more.

    The prompts for a smaller count are the first of those for a larger one, so that a sample can be made larger.
    """
    order = list(prompts)
    random.Random(seed).shuffle(order)  # noqa: S311 - a sample, and no secret
    return order[:count]


def _prompt(line: bytes) -> Prompt:
    try:
        wire = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    if not isinstance(wire, dict):
        raise ValueError('is no object such as {"id": "a", "prompt": "..."}')  # noqa: TRY004 - of a file, not of a call
    name = wire.get("id")
    if not isinstance(name, str) or not name:
        raise ValueError("has no `id`, which is a text")
    if ("prompt" in wire) == ("messages" in wire):
        raise ValueError(f"{name!r} needs `prompt` or `messages`, one of them")
    if "prompt" in wire:
        if not isinstance(wire["prompt"], str) or not wire["prompt"].strip():
            raise ValueError(f"the `prompt` of {name!r} is not a text, or is empty")
        return Prompt(name, ({"role": "user", "content": wire["prompt"]},))
    messages = wire["messages"]
    if not isinstance(messages, list) or not messages or not all(map(_is_message, messages)):
        raise ValueError(f"the `messages` of {name!r} are not a list of objects with `role` and `content`")
    return Prompt(name, tuple(messages))


def _is_message(message: object) -> bool:
    return isinstance(message, dict) and isinstance(message.get("role"), str) and bool(message.get("content"))


def _shown(content: object) -> str:
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
