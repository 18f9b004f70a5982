"""The wire of Anthropic's message batches: one that has ended, of one request.

Shapes as in `anthropic.types.messages.MessageBatch` and `MessageBatchIndividualResponse` of anthropic 2.12.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otel_refusals.testing.speakers.anthropic_messages import message
from otel_refusals.testing.speakers.turn import Turn

_TIMES = ("created_at", "ended_at", "expires_at")


def batch(turn: Turn) -> dict[str, Any]:
    """The batch, which says where its results are."""
    counts = {"processing": 0, "succeeded": 1, "errored": 0, "canceled": 0, "expired": 0}
    return {
        "id": f"msgbatch_{turn.id}",
        "type": "message_batch",
        "processing_status": "ended",
        "request_counts": counts,
        "results_url": f"/v1/messages/batches/msgbatch_{turn.id}/results",
        **dict.fromkeys(_TIMES, "2026-11-23T10:00:00Z"),
    }


def results(turn: Turn) -> Iterator[dict[str, Any]]:
    """Its one line."""
    yield {"custom_id": "request-1", "result": {"type": "succeeded", "message": message(turn)}}
