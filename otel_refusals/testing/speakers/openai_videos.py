"""The wire of OpenAI's videos: a job that waits when it is made, and has ended when it is asked for.

Shapes as in `openai.types.Video` of openai 3.54. A job does not say when it was declined, and knows one code for it:
whatever else does not decline is a video.
"""

from __future__ import annotations

from typing import Any

from otel_refusals.testing.speakers.openai_chat import CREATED
from otel_refusals.testing.speakers.turn import Turn


def queued(turn: Turn) -> dict[str, Any]:
    """The job as it is made."""
    return _job(turn, "queued")


def video(turn: Turn) -> dict[str, Any]:
    """The job as it ended."""
    match turn.scenario.outcome:
        case "refused":
            error = {"code": "moderation_blocked", "message": "This request was declined by a test."}
            return _job(turn, "failed") | {"error": error}
        case "unknown":
            return _job(turn, turn.scenario.stop_reason)
        case _:
            return _job(turn, "completed") | {"completed_at": CREATED, "progress": 100}


def _job(turn: Turn, status: str) -> dict[str, Any]:
    return {
        "id": f"video_{turn.id}",
        "object": "video",
        "created_at": CREATED,
        "model": turn.model or "sora-2",
        "progress": 0,
        "prompt": turn.body.get("prompt"),
        "seconds": "4",
        "size": "720x1280",
        "status": status,
    }
