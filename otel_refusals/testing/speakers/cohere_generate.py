"""The wire of Cohere's generate.

Shapes as in `cohere.Generation` and `cohere.GenerateStreamedResponse` of cohere 7.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otel_refusals.testing.speakers.cohere_chat import finish_reason, units
from otel_refusals.testing.speakers.turn import NotSpokenError, Turn


def generations(turn: Turn) -> dict[str, Any]:
    """The whole answer.

    Raises:
        NotSpokenError: for a tool call.
    """
    return {
        **_generated(turn),
        "meta": {"api_version": {"version": "1"}, "billed_units": units(turn)},
    }


def generation_events(turn: Turn) -> Iterator[dict[str, Any]]:
    """The stream of the same, one event a line; it tells no tokens.

    Raises:
        NotSpokenError: for a tool call.
    """
    end = _generated(turn)
    said = [{"is_finished": False, "event_type": "text-generation", "text": piece, "index": 0} for piece in turn.text]
    reason = finish_reason(turn)
    return iter([*said, {"is_finished": True, "event_type": "stream-end", "finish_reason": reason, "response": end}])


def _generated(turn: Turn) -> dict[str, Any]:
    if turn.calls_tool:
        raise NotSpokenError("Cohere's generate has no form for a tool call")
    one = {"id": f"g{turn.id}", "text": "".join(turn.text), "index": 0, "finish_reason": finish_reason(turn)}
    return {"id": turn.id, "prompt": str(turn.body.get("prompt", "")), "generations": [one]}
