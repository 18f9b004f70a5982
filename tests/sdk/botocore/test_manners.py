"""How we behave inside a caller's use of Bedrock: the manners of the contract, on botocore."""

from __future__ import annotations

import gc
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import botocore.client
import pytest
import urllib3
from botocore.awsrequest import AWSResponse
from botocore.eventstream import EventStream
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError
from botocore.response import StreamingBody
from opentelemetry.instrumentation.utils import suppress_instrumentation
from packaging.version import Version

import otel_refusals
from otel_refusals import leftovers
from otel_refusals.testing import Reply, StubServer
from otel_refusals.testing.event_stream import CONTENT_TYPE, frame, message
from tests.fixtures import fixture
from tests.sdk.botocore.calls import (
    CALLS,
    CONVERSE,
    CONVERSE_STREAM,
    INVOKE,
    INVOKE_STREAM,
    stream_of,
)
from tests.telemetry import Recorded

REFUSED = fixture("bedrock/converse_refusal_mid_output.json")
BODY = fixture("bedrock/invoke_claude_refusal_mid_output.json")
STREAM = fixture("bedrock/converse_stream_guardrail_output.events.jsonl")
CHUNKS = fixture("bedrock/invoke_stream_claude_refusal_mid_text.events.jsonl")


def event_stream(events: Any, *, cut: bool = False) -> Reply:
    """A reply that sends these frames."""
    return Reply(events, content_type=CONTENT_TYPE, cut=cut)


@pytest.fixture
def open_stream(call: Callable[..., Any]) -> Callable[[], Any]:
    """Opens a ConverseStream that a guardrail will block."""
    return lambda: call(CONVERSE_STREAM, STREAM.reply)["stream"]


def test_the_caller_gets_objects_of_the_sdks_own_types(recorded: Recorded, call: Callable[..., Any]) -> None:
    """Response, stream and body: exactly the types, and the events, that the plain SDK gives."""
    with closing(call(CONVERSE_STREAM, STREAM.reply)["stream"]) as stream:
        seen = [type(stream), list(stream)]
    body = call(INVOKE, BODY.reply)["body"]
    seen += [type(body), body.read(), type(call(CONVERSE, REFUSED.reply))]
    otel_refusals.uninstrument()

    with closing(call(CONVERSE_STREAM, STREAM.reply)["stream"]) as stream:
        plain = [type(stream), list(stream)]
    body = call(INVOKE, BODY.reply)["body"]
    plain += [type(body), body.read(), type(call(CONVERSE, REFUSED.reply))]

    assert plain == seen
    assert [EventStream, StreamingBody, dict] == [seen[0], seen[2], seen[4]]


def test_the_http_response_stays_of_its_kind(recorded: Recorded, call: Callable[..., Any]) -> None:
    """`with body as raw` hands it out."""
    import urllib3

    with call(INVOKE, BODY.reply)["body"] as raw:
        assert isinstance(raw, urllib3.HTTPResponse)
        assert ("HTTPResponse", 200) == (type(raw).__name__, raw.status)
        assert BODY.body == raw.read()

    assert {"refused": 1} == recorded.outcomes


@pytest.mark.parametrize(("surface", "sent"), [(CONVERSE_STREAM, STREAM), (INVOKE_STREAM, CHUNKS)])
def test_nothing_is_read_that_the_caller_did_not_read(
    surface: str, sent: Any, recorded: Recorded, call: Callable[..., Any]
) -> None:
    """The vendor is not asked for the next event before the caller is."""
    produced: list[int] = []
    taken = threading.Semaphore(0)

    def frames() -> Iterator[bytes]:
        for number, wire in enumerate(sent.wires):
            produced.append(number)
            yield frame(wire)
            taken.acquire(timeout=5)

    with closing(stream_of(call(surface, event_stream(frames())))) as stream:
        for number, _ in enumerate(stream):
            assert number == produced[-1]
            taken.release()

    assert {"refused": 1} == recorded.outcomes


def test_a_caller_who_leaves_at_the_stop_reason_is_told_of_the_refusal(
    recorded: Recorded, open_stream: Callable[[], Any]
) -> None:
    """Usage and trace come after it: without them nobody knows the tokens, the stage or the policy."""
    with closing(open_stream()) as stream:
        for event in stream:
            if "messageStop" in event:
                break
        assert {} == recorded.outcomes

    assert {"refused": 1} == recorded.outcomes
    assert ("guardrail", "unknown", None) == tuple(
        recorded.span.get(f"refusal.{name}") for name in ("category", "stage", "discarded.output_tokens")
    )


def test_a_stream_can_be_read_on_after_a_break(recorded: Recorded, open_stream: Callable[[], Any]) -> None:
    """As the plain SDK's can: two loops over one stream see all events, and one report."""
    events = []
    with closing(open_stream()) as stream:
        for event in stream:
            events.append(event)
            break
        events += list(stream)

    assert [list(wire) for wire in STREAM.wires] == [list(event) for event in events]
    assert {"refused": 1} == recorded.outcomes


@pytest.mark.parametrize("read", [0, 1, 3])
def test_a_stream_that_is_closed_early_is_incomplete(
    read: int, recorded: Recorded, open_stream: Callable[[], Any]
) -> None:
    """Closed before anything was read, or in the middle."""
    stream = open_stream()
    for _ in zip(range(read), stream, strict=False):
        pass
    assert {} == recorded.outcomes
    stream.close()

    assert {"incomplete": 1} == recorded.outcomes


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("read", [0, 2])
def test_a_dropped_stream_is_reported_when_nobody_holds_it(
    read: int, recorded: Recorded, open_stream: Callable[[], Any]
) -> None:
    """A stream of botocore and its generator hold each other, so the garbage collector sees to it."""
    stream = open_stream()
    for _ in zip(range(read), stream, strict=False):
        pass
    del stream
    gc.collect()

    assert {"incomplete": 1} == recorded.outcomes


@pytest.mark.skipif(Version(urllib3.__version__) < Version("2.2"), reason="this urllib3 has no read1")
@pytest.mark.parametrize("pieces", [[BODY.body], [BODY.body[:20], BODY.body[20:]]], ids=["one", "chunked"])
def test_a_body_that_is_read_as_it_arrives_is_read_along(
    pieces: list[bytes], recorded: Recorded, call: Callable[..., Any]
) -> None:
    """By `read1` of the response inside, which gives what is there."""
    body = call(INVOKE, Reply(pieces))["body"]
    with body as raw:
        read = b"".join(iter(raw.read1, b""))

    assert BODY.body == read
    assert {"refused": 1} == recorded.outcomes


def test_a_body_that_nobody_reads_is_incomplete(recorded: Recorded, call: Callable[..., Any]) -> None:
    """Closed, left in the middle, or dropped: how it ended, nobody learned."""
    call(INVOKE, BODY.reply)["body"].close()
    with call(INVOKE, BODY.reply)["body"] as raw:
        raw.read(9)
    call(INVOKE, Reply([BODY.body]))
    gc.collect()

    assert {"incomplete": 3} == recorded.outcomes


def test_a_body_goes_when_its_last_reference_goes(recorded: Recorded, call: Callable[..., Any]) -> None:
    """No cycle of ours keeps it, or its connection, until the garbage collector comes."""
    gc.disable()
    try:
        call(INVOKE, BODY.reply)
        assert {"incomplete": 1} == recorded.outcomes
    finally:
        gc.enable()


def test_a_stream_that_the_end_of_the_process_leaves_is_reported(
    recorded: Recorded, open_stream: Callable[[], Any]
) -> None:
    """By what runs at exit, before the exporters stop."""
    with closing(open_stream()) as stream:
        next(iter(stream))
        leftovers.report_open()

        assert {"incomplete": 1} == recorded.outcomes


@pytest.mark.parametrize("surface", [CONVERSE_STREAM, INVOKE])
def test_a_connection_that_is_cut_is_incomplete(surface: str, recorded: Recorded, call: Callable[..., Any]) -> None:
    """The SDK raises what it raises; the vendor never said how it ended."""
    start = [frame(wire) for wire in STREAM.wires[:2]] if surface == CONVERSE_STREAM else [BODY.body[:40]]
    response = call(surface, Reply(start, content_type=CONTENT_TYPE, cut=True))
    streamed = response.get("stream") or response["body"]
    with closing(streamed), pytest.raises(Exception, match="roken|ncomplete|prematurely"):
        list(streamed)

    assert {"incomplete": 1} == recorded.outcomes


def test_a_damaged_frame_is_an_error(recorded: Recorded, call: Callable[..., Any]) -> None:
    """The SDK finds it out; the caller gets its exception."""
    damaged = bytearray(frame(STREAM.wires[1]))
    damaged[-1] ^= 1
    stream = call(CONVERSE_STREAM, event_stream([frame(STREAM.wires[0]), bytes(damaged)]))["stream"]
    with closing(stream), pytest.raises(Exception, match="[Cc]hecksum"):
        list(stream)

    assert {"ChecksumMismatch": 1} == recorded.sums("refusal.client.operations", "error.type")


def test_a_payload_that_is_no_json_is_left_to_the_sdk(recorded: Recorded, call: Callable[..., Any]) -> None:
    """Whatever it makes of it, the stream goes on for us."""
    headers = {":event-type": "contentBlockDelta", ":content-type": "application/json", ":message-type": "event"}
    sent = [frame(STREAM.wires[0]), message(headers, b"{"), *map(frame, STREAM.wires[1:])]
    with closing(call(CONVERSE_STREAM, event_stream(sent))["stream"]) as stream:
        list(stream)

    assert {"refused": 1} == recorded.outcomes


def test_an_error_frame_without_a_shape_is_named_by_its_code(recorded: Recorded, call: Callable[..., Any]) -> None:
    """`:message-type: error`, as the framing of AWS has for failures of the transport."""
    headers = {":message-type": "error", ":error-code": "internalFailure", ":error-message": "It failed."}
    stream = call(CONVERSE_STREAM, event_stream([message(headers, b"")]))["stream"]
    with closing(stream), pytest.raises(Exception, match="internalFailure"):
        list(stream)

    assert {"InternalFailure": 1} == recorded.sums("refusal.client.operations", "error.type")


def test_a_call_that_never_reaches_the_vendor_is_an_error(
    recorded: Recorded, bedrock: Any, make_client: Callable[..., Any]
) -> None:
    """The SDK's exception is the caller's, the same object; arguments that it refuses itself are no call."""
    mine = RuntimeError("mine")
    _, arguments = CALLS[CONVERSE]

    def fail(**_: Any) -> None:
        raise mine

    client = make_client("bedrock-runtime")
    client.meta.events.register("before-send.bedrock-runtime.Converse", fail)
    with pytest.raises(RuntimeError) as raised:
        client.converse(**arguments)
    with pytest.raises(ParamValidationError):
        bedrock.converse(modelId="m", messages="no list")

    assert mine is raised.value
    assert {"RuntimeError": 1} == recorded.sums("refusal.client.operations", "error.type")


def test_an_answer_that_the_application_made_up_is_read(recorded: Recorded, make_client: Callable[..., Any]) -> None:
    """As libraries do that stand in for AWS in tests: a handler answers before anything is sent."""

    class Raw(io.BytesIO):
        def stream(self, **_: Any) -> Iterator[bytes]:
            yield self.read()

    def answer(request: Any, **_: Any) -> AWSResponse:
        headers = {"content-type": "application/json"}
        return AWSResponse(request.url, 200, headers, Raw(BODY.body))  # type: ignore[arg-type]

    client = make_client("bedrock-runtime")
    client.meta.events.register("before-send.bedrock-runtime.InvokeModel", answer)

    assert BODY.body == client.invoke_model(**CALLS[INVOKE][1])["body"].read()
    assert {"refused": 1} == recorded.outcomes


def test_retries_are_one_operation(recorded: Recorded, vendor: StubServer) -> None:
    """The SDK asks again by itself; what comes of it in the end counts."""
    import botocore.session
    from botocore.config import Config

    from tests.sdk.botocore.calls import SETTINGS

    config = Config(retries={"max_attempts": 2, "mode": "standard"})
    client = botocore.session.Session().create_client(
        "bedrock-runtime", endpoint_url=vendor.url, config=config, **SETTINGS
    )
    vendor.queue(Reply(b"{}", 503), REFUSED.reply)
    client.converse(**CALLS[CONVERSE][1])

    assert {"refused": 1} == recorded.outcomes


def test_no_server_is_an_error(recorded: Recorded) -> None:
    """Named by the SDK's exception."""
    import botocore.session
    from botocore.config import Config

    from tests.sdk.botocore.calls import SETTINGS

    with StubServer() as gone:
        url = gone.url
    config = Config(retries={"max_attempts": 0})
    client = botocore.session.Session().create_client("bedrock-runtime", endpoint_url=url, config=config, **SETTINGS)
    with pytest.raises(EndpointConnectionError):
        client.converse(**CALLS[CONVERSE][1])

    assert {"EndpointConnectionError": 1} == recorded.sums("refusal.client.operations", "error.type")


def test_suppression_is_honoured(recorded: Recorded, call: Callable[..., Any]) -> None:
    """By OpenTelemetry's key."""
    with suppress_instrumentation():
        call(CONVERSE, REFUSED.reply)

    assert {} == recorded.outcomes


def test_uninstrument_restores_the_sdk(recorded: Recorded, call: Callable[..., Any]) -> None:
    """The very function; a stream that is open is still reported."""
    stream = call(CONVERSE_STREAM, STREAM.reply)["stream"]
    wrapped = vars(botocore.client.BaseClient)["_make_request"]
    otel_refusals.uninstrument()
    call(CONVERSE, REFUSED.reply)
    with closing(stream):
        list(stream)

    assert wrapped.__wrapped__ is vars(botocore.client.BaseClient)["_make_request"]
    assert {"refused": 1} == recorded.outcomes


def test_an_instrumentation_that_fails_is_not_the_callers(
    recorded: Recorded, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An HTTP response that cannot be watched is handed over as it is."""
    from otel_refusals import aws, failure

    monkeypatch.setattr(failure, "raise_failures", False)
    monkeypatch.setattr(aws, "_watched", lambda kind: int)
    assert BODY.body == call(INVOKE, BODY.reply)["body"].read()
    with closing(call(CONVERSE_STREAM, STREAM.reply)["stream"]) as stream:
        assert [list(wire) for wire in STREAM.wires] == [list(event) for event in stream]
    gc.collect()

    assert {"botocore": 2} == recorded.sums("refusal.instrumentation.errors", "refusal.vendor")


def test_an_error_of_the_vendor_is_the_callers(recorded: Recorded, call: Callable[..., Any]) -> None:
    """Parsed by the SDK, and raised by it."""
    with pytest.raises(ClientError) as raised:
        call(CONVERSE, Reply(b'{"message": "slow down"}', 429, headers={"x-amzn-errortype": "ThrottlingException"}))

    assert "ThrottlingException" == raised.value.response["Error"]["Code"]
    assert {"ThrottlingException": 1} == recorded.sums("refusal.client.operations", "error.type")


def test_memory_of_a_stream_is_constant(recorded: Recorded, call: Callable[..., Any]) -> None:
    """However many deltas go by, what is kept does not grow."""
    import tracemalloc

    delta = frame(STREAM.wires[1])
    sent = event_stream([frame(STREAM.wires[0]), *[delta] * 20_000, *map(frame, STREAM.wires[3:])])
    with closing(call(CONVERSE_STREAM, sent)["stream"]) as stream:
        events = iter(stream)
        for _ in range(1000):
            next(events)
        tracemalloc.start()
        for _ in events:
            pass
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert grown < 300_000
    assert {"refused": 1} == recorded.outcomes
