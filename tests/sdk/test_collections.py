"""Answers that list how many operations ended: batches and sessions, each operation reported once."""

from __future__ import annotations

import asyncio
from importlib.resources import files

import anthropic
import openai
import pytest

from otel_refusals.testing import Reply, StubServer
from tests.telemetry import Recorded

WIRE = files("otel_refusals.testing") / "wire"
LINES = (WIRE / "anthropic/batch_results.jsonl").read_bytes()
OF_THE_BATCH = {"completed": 1, "refused": 2, "error": 2, "incomplete": 1}
EVENTS = (WIRE / "anthropic/session_events_refusal.sse").read_bytes()

has_sessions = pytest.mark.skipif(
    not hasattr(anthropic.resources.beta, "Sessions"), reason="this version of the SDK has no sessions"
)
has_agents = pytest.mark.skipif(
    not hasattr(openai.resources.beta, "Agents"), reason="this version of the SDK has no agents"
)


def queue_results(vendor: StubServer, times: int = 1) -> None:
    """What `batches.results` asks for: the batch, then its results."""
    batch = (
        b'{"id":"msgbatch_1","type":"message_batch","processing_status":"ended","results_url":"%s"}'
        % f"{vendor.url}/v1/messages/batches/msgbatch_1/results".encode()
    )
    for _ in range(times):
        vendor.queue(Reply(batch), Reply(LINES, content_type="application/binary"))


@pytest.mark.parametrize("resource", ["messages", "beta.messages"])
def test_every_line_of_a_batch_is_an_operation(
    claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer, resource: str
) -> None:
    """A line that succeeded can be a refusal; a line that errored or expired is an error."""
    queue_results(vendor)
    messages = claude.beta.messages if resource.startswith("beta") else claude.messages

    lines = list(messages.batches.results("msgbatch_1"))

    assert ["succeeded", "succeeded", "succeeded", "errored", "expired", "canceled"] == [
        line.result.type for line in lines
    ]
    assert recorded.outcomes == OF_THE_BATCH
    labels = ("refusal.category", "refusal.stage", "gen_ai.request.model")
    assert recorded.sums("refusal.client.refusals", *labels) == {
        ("cyber", "pre_output", "claude-fable-5"): 1,
        ("bio", "mid_stream", "claude-fable-5"): 1,
    }
    assert not recorded.points("refusal.client.time_to_refusal"), "nobody knows when the call was made"


def test_a_batch_that_is_downloaded_again_is_counted_once(
    claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer
) -> None:
    """By the vendor's id of the answer, and for a line without one by the batch and the caller's own id."""
    queue_results(vendor, times=2)
    for _ in range(2):
        for _ in claude.messages.batches.results("msgbatch_1"):
            pass

    assert recorded.outcomes == OF_THE_BATCH


def test_a_batch_is_read_no_further_than_the_caller_reads(
    claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer
) -> None:
    """Lines behind a break are nobody's result yet."""
    queue_results(vendor)
    results = claude.messages.batches.results("msgbatch_1")
    next(results)
    next(results)

    assert recorded.outcomes == {"completed": 1, "refused": 1}


def test_a_batch_is_seen_by_asynchronous_callers(recorded: Recorded, vendor: StubServer) -> None:
    """Whose SDK decodes the lines in a class of its own."""
    queue_results(vendor)

    async def call() -> None:
        async with anthropic.AsyncAnthropic(base_url=vendor.url, api_key="key", max_retries=0) as client:
            async for _ in await client.messages.batches.results("msgbatch_1"):
                pass

    asyncio.run(call())

    assert recorded.outcomes == OF_THE_BATCH


def test_every_refused_line_of_a_batch_has_its_own_span(
    claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer
) -> None:
    """The span of the download, where the SDK makes one, is the span of none of them."""
    queue_results(vendor)
    for _ in claude.messages.batches.results("msgbatch_1"):
        pass

    refused = [span.attributes for span in recorded.spans if span.attributes and "refusal.outcome" in span.attributes]
    assert ["msg_ref", "msg_mid"] == [attributes["gen_ai.response.id"] for attributes in refused]


def test_a_download_that_fails_is_no_operation(
    claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer
) -> None:
    """It says nothing about the requests of the batch."""
    queue_results(vendor)
    vendor.clear()
    vendor.queue(Reply(b'{"type":"error","error":{"type":"not_found_error","message":"gone"}}', 404))
    with pytest.raises(anthropic.NotFoundError):
        claude.messages.batches.results("msgbatch_1")

    assert recorded.outcomes == {}


@has_sessions
def test_a_session_that_goes_idle_by_a_refusal_is_one(
    claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer
) -> None:
    """Managed agents: the event names the category, and neither the stage nor the tokens."""
    vendor.queue(Reply(EVENTS, content_type="text/event-stream"))
    with claude.beta.sessions.events.stream("sess_1") as events:
        kinds = [event.type for event in events]

    assert kinds[-1] == "session.status_idle"
    assert recorded.outcomes == {"refused": 1}
    assert recorded.sums("refusal.client.refusals", "refusal.category", "refusal.stage") == {("cyber", "unknown"): 1}
    assert not recorded.points("refusal.client.discarded.output_tokens")


@has_sessions
def test_an_event_that_is_shown_again_is_counted_once(
    claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer
) -> None:
    """By a reconnect, by a page of the list, and cross-posted from a thread to its session."""
    idle = EVENTS.split(b"data: ")[-1].strip()
    vendor.queue(Reply(EVENTS, content_type="text/event-stream"), Reply(b'{"data":[%s],"next_page":null}' % idle))
    with claude.beta.sessions.events.stream("sess_1") as events:
        for _ in events:
            pass
    page = claude.beta.sessions.events.list("sess_1")

    assert len(page.data) == 1
    assert recorded.outcomes == {"refused": 1}


@has_agents
def test_a_turn_of_an_agent_that_fails_by_a_policy_is_a_refusal(
    gpt: openai.OpenAI, recorded: Recorded, vendor: StubServer
) -> None:
    """OpenAI's hosted agents: told by an event, and by the list of turns again."""
    turn = (
        b'{"id":"turn_1","object":"agent.session.turn","agent_id":"a","session_id":"s","created_at":1,'
        b'"status":"failed","error":{"code":"cyber_policy","message":"blocked"},'
        b'"usage":{"input_tokens":9,"output_tokens":0}}'
    )
    event = b'{"type":"agent.session.turn.failed","event_id":"e","session_id":"s","turn_id":"turn_1","turn":%s}' % turn
    vendor.queue(
        Reply(b"event: agent.session.turn.failed\ndata: %s\n\n" % event, content_type="text/event-stream"),
        Reply(b'{"object":"list","data":[%s],"has_more":false}' % turn),
    )
    with gpt.beta.agents.sessions.events.stream("s") as events:
        for _ in events:
            pass
    gpt.beta.agents.sessions.turns.list("s")

    assert recorded.outcomes == {"refused": 1}
    assert recorded.sums("refusal.client.refusals", "refusal.category", "refusal.stage") == {("cyber", "pre_output"): 1}
