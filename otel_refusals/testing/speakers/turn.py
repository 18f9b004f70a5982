"""One turn of a model: what a scenario makes it say, and what that costs, before any vendor's wire is chosen."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import count, cycle, islice
from typing import Any

from otel_refusals.testing.scenario import USUAL, Scenario

_FILLER = (
    "Reading the routine from the top. The names are joined to the directory first, and the size is checked after "
    "that, so the order of the two decides what can happen. To see which one wins, I would begin with "
)
_numbers = count(1)


class NotSpokenError(LookupError):
    """A call that no scenario can be played to; the message names it and what to do instead."""


def tokens(text: str) -> list[str]:
    """`text` in pieces about as long as a model's tokens."""
    return re.findall(r"\s*\S{1,6}\s*$|\s*\S{1,6}", text)


@dataclass(frozen=True)
class Turn:
    """What the model says to one request.

    Args:
        scenario: How it ends.
        body: The request's JSON.
        model: The model that was asked.
        again: The `id` of an earlier turn that is asked for again.
    """

    scenario: Scenario
    body: Mapping[str, Any]
    model: str
    again: str = ""

    @cached_property
    def id(self) -> str:
        """Tells this turn from all others of the process."""
        return self.again or f"stub{next(_numbers):05}"

    @cached_property
    def text(self) -> list[str]:
        """The tokens of the text."""
        return self._said("text")

    @cached_property
    def thinking(self) -> list[str]:
        """The tokens of the thinking."""
        return self._said("thinking")

    def _said(self, kind: str) -> list[str]:
        scenario = self.scenario
        # A fallback answers in text, whatever was declined before it.
        content = "text" if scenario.outcome == "rescued" else scenario.content
        if not scenario.speaks or self.calls_tool or content != kind:
            return []
        return tokens(scenario.text) if scenario.text else list(islice(cycle(tokens(_FILLER)), scenario.after_tokens))

    @property
    def calls_tool(self) -> bool:
        """Whether the model asks for a tool, in full or cut off."""
        return self.scenario.outcome == "tool_call" or (self.scenario.speaks and self.scenario.content == "tool")

    @property
    def tool(self) -> str:
        """The name of the first tool that the request offers."""
        first: Any = next(iter(self._offered()), {})
        for name in ("toolSpec", "function"):
            first = first.get(name, first) if isinstance(first, Mapping) else {}
        return str(first.get("name") or "look_up") if isinstance(first, Mapping) else "look_up"

    def _offered(self) -> list[Any]:
        tools: Any = self.body.get("tools") or (self.body.get("toolConfig") or {}).get("tools") or []
        declared = tools[0].get("functionDeclarations") if tools and isinstance(tools[0], Mapping) else None
        return list(declared or tools)

    @cached_property
    def arguments(self) -> list[str]:
        """The JSON of the tool's arguments in pieces; a call that does not come to its end is cut inside."""
        whole = json.dumps({"query": "the routine that joins the names, and who calls it"})
        pieces = tokens(whole)
        if self.scenario.outcome == "tool_call":
            return pieces
        return pieces[: max(1, min(self.scenario.after_tokens, len(pieces) - 1))]

    @property
    def partial_text(self) -> list[str]:
        """What was written before a fallback took over."""
        return tokens(_FILLER)[: self.scenario.after_tokens] if self.scenario.stage == "mid_stream" else []

    @property
    def input_tokens(self) -> int:
        """About what the request would cost."""
        shown = {name: value for name, value in self.body.items() if not name.startswith("stream")}
        return max(1, len(json.dumps(shown, default=str)) // 4)

    @property
    def output_tokens(self) -> int:
        """What was generated."""
        return len(self.text) + len(self.thinking) + (len(self.arguments) if self.calls_tool else 0)

    def category(self, usual: str | None, spelled: Mapping[str, str] | None = None) -> str | None:
        """The category as the vendor spells it.

        Args:
            usual: The vendor's usual one.
            spelled: The vendor's spelling of the contract's categories.
        """
        asked = self.scenario.category
        if asked == USUAL:
            return usual
        return None if asked is None else (spelled or {}).get(asked, asked)
