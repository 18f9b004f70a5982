"""Jobs that are polled: the end is counted once, by whichever poll shows it first."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from otel_refusals.testing import Reply, StubServer
from tests.fixtures import fixture
from tests.telemetry import Recorded

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")

BLOCKED = fixture("openai/video_failed_moderation.json").wires[0]


def video(status: str, code: str | None = None) -> Reply:
    """The job in a state."""
    job: dict[str, Any] = {**BLOCKED, "status": status, "error": {"code": code, "message": ""} if code else None}
    return Reply(json.dumps(job).encode())


def test_a_video_that_moderation_blocks_is_one_refusal_however_often_it_is_polled(
    gpt: openai.OpenAI, recorded: Recorded, vendor: StubServer
) -> None:
    """Queued is paused; the blocked end is one refusal, at a stage that the job does not tell."""
    blocked = Reply(json.dumps(BLOCKED).encode())
    vendor.queue(video("queued"), video("in_progress"), blocked, blocked)
    job = gpt.videos.create(model="sora-2", prompt="Please.")
    for _ in range(3):
        gpt.videos.retrieve(job.id)

    assert {"paused": 1, "refused": 1} == recorded.outcomes
    assert {"unknown": 1} == recorded.sums("refusal.client.refusals", "refusal.stage")
    assert "moderation_blocked" == recorded.span["refusal.raw_category"]


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        ("completed", None, "completed"),
        ("failed", "server_error", "error"),
        ("failed", None, "error"),
        ("failed", "bio_policy", "refused"),
        ("brand_new", None, "unknown"),
    ],
)
def test_every_way_a_job_ends_has_its_outcome(
    gpt: openai.OpenAI, recorded: Recorded, vendor: StubServer, status: str, code: str | None, outcome: str
) -> None:
    """A status that nobody knows is unknown."""
    vendor.queue(video(status, code))
    gpt.videos.create(model="sora-2", prompt="Please.")

    assert {outcome: 1} == recorded.outcomes
