"""Every Bedrock fixture through botocore, in every way that a caller can read the answer: one report, the right one."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from otel_refusals.testing import Reply
from tests.fixtures import FIXTURES, Fixture, fixture
from tests.sdk.botocore.calls import CALLS, CONVERSE, CONVERSE_STREAM, GUARDRAIL, INVOKE, MODEL, stream_of
from tests.telemetry import Recorded

BEDROCK = [fixture for fixture in FIXTURES if fixture.surface in CALLS]


def _by_next(body: Any) -> bytes:
    return b"".join(iter(lambda: next(body, b""), b""))


def _into(body: Any) -> bytes:
    with io.BufferedReader(body) as buffered:
        return buffered.read()


def _as_context(body: Any) -> bytes:
    with body as raw:
        return bytes(raw.read())


BODIES: dict[str, Callable[[Any], bytes]] = {
    "read": lambda body: body.read(),
    "read in pieces": lambda body: b"".join(iter(lambda: body.read(7), b"")),
    "iter_chunks": lambda body: b"".join(body.iter_chunks(11)),
    "iter_lines": lambda body: b"".join(body.iter_lines()),
    "for": b"".join,
    "next": _by_next,
    "readlines": lambda body: b"".join(body.readlines()),
    "json.load": lambda body: json.dumps(json.load(body)).encode(),
    "with": _as_context,
}


def check(fixture: Fixture, recorded: Recorded) -> None:
    """One report, as the manifest says; an operation that asked which side was assessed knows the stage as well."""
    asked = fixture.surface == GUARDRAIL and fixture.refusals
    stage = "mid_stream" if asked else fixture.stage
    assert {fixture.outcome: 1} == recorded.outcomes
    assert fixture.refusals == sum(point.value for point in recorded.points("refusal.client.refusals"))
    if fixture.refusals:
        labels = ("refusal.category", "refusal.stage", "refusal.source")
        assert {(fixture.category, stage, fixture.source): 1} == recorded.sums("refusal.client.refusals", *labels)
        assert fixture.discarded_output_tokens == recorded.span.get("refusal.discarded.output_tokens")
        assert "aws.bedrock" == recorded.span["gen_ai.provider.name"]


@pytest.mark.parametrize(
    "fixture", [fixture for fixture in BEDROCK if fixture.surface in (CONVERSE, GUARDRAIL)], ids=lambda f: f.path
)
def test_an_answer_is_reported_as_the_manifest_says(
    fixture: Fixture, recorded: Recorded, call: Callable[..., Any]
) -> None:
    """Converse and ApplyGuardrail: the caller gets what the SDK parsed."""
    response = call(fixture.surface, fixture.reply)

    assert fixture.wires[0].keys() - {"actionReason"} <= response.keys()  # which botocore parses since 1.38
    check(fixture, recorded)


@pytest.mark.parametrize("fixture", [fixture for fixture in BEDROCK if fixture.streamed], ids=lambda f: f.path)
def test_a_stream_is_reported_as_the_manifest_says(
    fixture: Fixture, recorded: Recorded, call: Callable[..., Any]
) -> None:
    """In true frames; an error event is raised to the caller by the SDK."""
    stream = stream_of(call(fixture.surface, fixture.reply))
    with suppress(EventStreamError):
        for _ in stream:
            pass
    check(fixture, recorded)
    stream.close()

    check(fixture, recorded)


@pytest.mark.parametrize("fixture", [fixture for fixture in BEDROCK if fixture.surface == INVOKE], ids=lambda f: f.path)
def test_a_body_is_reported_as_the_manifest_says(
    fixture: Fixture, recorded: Recorded, call: Callable[..., Any]
) -> None:
    """InvokeModel, whatever family the model is of."""
    body = call(fixture.surface, fixture.reply)["body"]
    assert {} == recorded.outcomes

    assert fixture.body == body.read()
    check(fixture, recorded)


@pytest.mark.parametrize("way", BODIES)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_can_be_read_in_every_way(way: str, chunked: bool, recorded: Recorded, call: Callable[..., Any]) -> None:
    """And arrives at the caller as it was sent, with a length or in chunks."""
    sent = fixture("bedrock/invoke_claude_refusal_mid_output.json")
    reply = Reply([sent.body[:9], sent.body[9:]]) if chunked else sent.reply
    body = call(INVOKE, reply)["body"]
    read = BODIES[way](body)

    assert json.loads(sent.body) == json.loads(read)
    check(sent, recorded)


def test_a_body_can_be_read_into_a_buffer(recorded: Recorded, call: Callable[..., Any]) -> None:
    """As `io.BufferedReader` does."""
    sent = fixture("bedrock/invoke_claude_refusal_mid_output.json")
    body = call(INVOKE, sent.reply)["body"]
    if not hasattr(body, "readinto"):
        pytest.skip("this botocore's body cannot")

    assert sent.body == _into(body)
    check(sent, recorded)


def test_a_body_of_which_the_caller_knows_the_length_ends_with_its_last_byte(
    recorded: Recorded, call: Callable[..., Any]
) -> None:
    """Nobody asks for more."""
    sent = fixture("bedrock/invoke_claude_refusal_mid_output.json")
    body = call(INVOKE, sent.reply)["body"]

    assert sent.body == body.read(len(sent.body))
    check(sent, recorded)


@pytest.mark.parametrize(
    ("arn", "model"),
    [
        ("anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-3-haiku-20240307-v1:0"),
        ("eu.amazon.nova-pro-v1:0", "eu.amazon.nova-pro-v1:0"),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-text-lite-v1", "amazon.titan-text-lite-v1"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.meta.llama3-2-3b-instruct-v1:0",
            "us.meta.llama3-2-3b-instruct-v1:0",
        ),
        (
            "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:application-inference-profile/a1b2c3d4e5f6",
            "application-inference-profile/a1b2c3d4e5f6",
        ),
        ("arn:aws:bedrock:us-east-1:123456789012:provisioned-model/a1b2c3d4e5f6", "provisioned-model/a1b2c3d4e5f6"),
    ],
)
def test_an_arn_becomes_a_label_without_an_account(
    arn: str, model: str, recorded: Recorded, call: Callable[..., Any]
) -> None:
    """The id of the model where the ARN holds it, else the resource."""
    call(CONVERSE, fixture("bedrock/converse_end_turn.json").reply, modelId=arn)

    assert {("aws.bedrock", "chat", model): 1} == recorded.sums(
        "refusal.client.operations", "gen_ai.provider.name", "gen_ai.operation.name", "gen_ai.request.model"
    )


@pytest.mark.parametrize(("source", "stage", "tokens"), [("INPUT", "pre_output", 0), ("OUTPUT", "mid_stream", None)])
def test_the_request_of_apply_guardrail_tells_the_stage(
    source: str, stage: str, tokens: int | None, recorded: Recorded, call: Callable[..., Any]
) -> None:
    """The answer does not say whether it judged a prompt or an output."""
    call(GUARDRAIL, fixture("bedrock/apply_guardrail_blocked.json").reply, source=source)

    assert {("apply_guardrail", stage): 1} == recorded.sums(
        "refusal.client.refusals", "gen_ai.operation.name", "refusal.stage"
    )
    assert tokens == recorded.span.get("refusal.discarded.output_tokens")


ERROR = {"x-amzn-errortype": "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/"}


@pytest.mark.parametrize(
    ("message", "outcome", "stage"),
    [
        ("The provided model identifier is invalid.", "error", None),
        ("This request has been blocked by our content filters.", "refused", "pre_output"),
        ("The generated image(s) have been blocked by our content filters.", "refused", "mid_stream"),
        ("Output blocked by content filtering policy", "refused", "mid_stream"),
    ],
)
@pytest.mark.parametrize("surface", [CONVERSE, CONVERSE_STREAM, INVOKE])
def test_an_error_answer_is_an_error_or_a_decline(
    surface: str, message: str, outcome: str, stage: str | None, recorded: Recorded, call: Callable[..., Any]
) -> None:
    """Amazon's image models, and Claude's own filter, decline by a ValidationException."""
    with pytest.raises(ClientError, match=re.escape(message)):
        call(surface, Reply(json.dumps({"message": message}).encode(), 400, headers=ERROR))

    assert {outcome: 1} == recorded.outcomes
    if stage is None:
        assert {"ValidationException": 1} == recorded.sums("refusal.client.operations", "error.type")
    else:
        assert {stage: 1} == recorded.sums("refusal.client.refusals", "refusal.stage")


@pytest.mark.parametrize(
    ("path", "error_type"),
    [
        ("bedrock/converse_stream_error.events.jsonl", "ModelStreamErrorException"),
        ("bedrock/converse_stream_throttled_first.events.jsonl", "ThrottlingException"),
    ],
)
def test_an_error_inside_a_stream_is_named_as_outside(
    path: str, error_type: str, recorded: Recorded, call: Callable[..., Any]
) -> None:
    """By the name of its shape; the caller gets the SDK's exception."""
    stream = stream_of(call(CONVERSE_STREAM, fixture(path).reply))
    with closing(stream), pytest.raises(EventStreamError):
        list(stream)

    assert {error_type: 1} == recorded.sums("refusal.client.operations", "error.type")


NOT_GENERATED: dict[str, tuple[str, dict[str, Any]]] = {
    "titan embedding": ("amazon.titan-embed-text-v2:0", {"embedding": [0.1], "inputTextTokenCount": 3}),
    "titan embedding, opaque": ("arn:aws:bedrock:us-east-1:1:provisioned-model/x", {"embedding": [0.1]}),
    "cohere embedding, opaque": ("arn:aws:bedrock:us-east-1:1:provisioned-model/x", {"embeddings": [[0.1]], "id": "i"}),
    "nova embedding": ("amazon.nova-2-multimodal-embeddings-v1:0", {"embeddings": [{"embedding": [0.1]}]}),
    "cohere rerank": ("cohere.rerank-v3-5:0", {"results": [{"index": 0, "relevance_score": 0.9}]}),
    "rerank, opaque": ("arn:aws:bedrock:us-east-1:1:provisioned-model/x", {"results": [{"relevance_score": 0.9}]}),
}


@pytest.mark.parametrize("case", NOT_GENERATED)
def test_embeddings_and_rankings_are_no_operations(case: str, recorded: Recorded, call: Callable[..., Any]) -> None:
    """Known by the name of the model, or where an ARN hides it, by the answer."""
    model, answer = NOT_GENERATED[case]
    call(INVOKE, Reply(json.dumps(answer).encode()), modelId=model)["body"].read()

    assert {} == recorded.outcomes
    assert [] == recorded.spans


def test_a_body_of_a_family_that_nobody_knows_is_loud(recorded: Recorded, call: Callable[..., Any]) -> None:
    """It ended, and nobody can tell how."""
    call(INVOKE, Reply(b'{"answer": "Hi", "how_it_ended": "well"}'))["body"].read()

    assert {"missing": 1} == recorded.sums("refusal.client.unknown_stop_reasons", "refusal.signal")


def test_names_that_the_customer_chose_do_not_leave(
    instrument: Callable[..., Recorded], call: Callable[..., Any]
) -> None:
    """The name of a denied topic is content: exported only with the explanation."""
    reply = fixture("bedrock/converse_guardrail_output_topic.json")
    recorded = instrument()
    call(CONVERSE, reply.reply)

    assert "blocklist" == recorded.span["refusal.category"]
    assert "refusal.raw_category" not in recorded.span
    assert "Investment" not in str(recorded.events)


def test_names_that_the_customer_chose_leave_with_the_explanation(
    instrument: Callable[..., Recorded], call: Callable[..., Any]
) -> None:
    """When message capture is switched on."""
    recorded = instrument(capture_explanation=True)
    call(CONVERSE, fixture("bedrock/converse_guardrail_output_topic.json").reply)

    assert "Investment advice" == recorded.span["refusal.raw_category"]


def test_calls_to_other_services_and_operations_are_left_alone(
    recorded: Recorded, make_client: Callable[[str], Any], call: Callable[..., Any], bedrock: Any, vendor: Any
) -> None:
    """S3 has no refusals, and counting tokens generates nothing."""
    vendor.queue(Reply(b"content"))
    s3 = make_client("s3")
    assert b"content" == s3.get_object(Bucket="a", Key="model/x/converse")["Body"].read()
    if hasattr(bedrock, "count_tokens"):
        vendor.queue(Reply(b'{"inputTokens": 3}'))
        bedrock.count_tokens(modelId=MODEL, input={"converse": {"messages": []}})

    assert {} == recorded.outcomes
