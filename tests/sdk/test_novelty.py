"""We hear of a new stop reason before any user does: every value that the installed SDK lists has a reading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import anthropic
import openai
import pytest

from otel_refusals.outcome import Outcome, Unknown
from otel_refusals.reader import Reader
from otel_refusals.vendors import _anthropic_messages as claude
from otel_refusals.vendors._anthropic_sessions import SessionEventReader
from otel_refusals.vendors._openai_chat import FINISH_REASONS
from otel_refusals.vendors._openai_errors import CONTENT_FILTER, POLICY_CODES
from otel_refusals.vendors._openai_realtime import RealtimeReader
from otel_refusals.vendors._openai_responses import INCOMPLETE_REASONS, PENDING
from otel_refusals.vendors._openai_turns import TRUNCATED, TurnReader
from otel_refusals.vendors._openai_videos import VideosReader

NOT_REFUSALS = {
    "server_error",
    "rate_limit_exceeded",
    "data_residency_mismatch",
    "vector_store_timeout",
    "invalid_image",
    "invalid_image_format",
    "invalid_base64_image",
    "invalid_image_url",
    "image_too_large",
    "image_too_small",
    "image_parse_error",
    "invalid_image_mode",
    "image_file_too_large",
    "unsupported_image_media_type",
    "empty_image_file",
    "failed_to_download_image",
    "image_file_not_found",
}
"""Error codes of a failed response that were looked at and are errors."""

TURN_ERRORS = {
    "session_budget_exceeded",
    "usage_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "billing_not_active",
    "credit_balance_exhausted",
    "rate_limit_exceeded",
    "flex_unavailable",
    "server_overloaded",
    "connection_failed",
    "server_error",
    "authentication_error",
    "invalid_request",
    "resource_not_found",
    "sandbox_error",
    "executor_version_incompatible",
    "active_turn_not_steerable",
    "request_timeout",
    "internal_error",
}
"""Error codes of a turn of an agent that were looked at and are errors."""

has_sessions = pytest.mark.skipif(
    not hasattr(anthropic.resources.beta, "Sessions"), reason="this version of the SDK has no sessions"
)
has_live = pytest.mark.skipif(
    not hasattr(openai.resources.beta, "Agents"), reason="this version of the SDK has no agents and no Realtime"
)


def read(reader: Reader, wire: object) -> Outcome | None:
    """The outcome of one wire object."""
    reader.feed(wire)
    return reader.outcome()


def union_members(annotation: Any) -> Iterator[Any]:
    """The models inside an annotation."""
    if get_origin(annotation) is None:
        yield annotation
    for argument in get_args(annotation):
        if hasattr(argument, "model_fields") or get_origin(argument) is not None:
            yield from union_members(argument)


def literals(annotation: Any) -> Iterator[str]:
    """The strings of every `Literal` inside an annotation."""
    if get_origin(annotation) is not None:
        for argument in get_args(annotation):
            if isinstance(argument, str):
                yield argument
            else:
                yield from literals(argument)


def values_of(model: type, name: str) -> set[str]:
    """The values that a field of an SDK model lists."""
    fields: dict[str, Any] = getattr(model, "model_fields", None) or model.__fields__
    return set(literals(fields[name].annotation))


def test_every_anthropic_stop_reason_has_a_reading() -> None:
    """Of messages and beta messages."""
    listed = set(literals(anthropic.types.StopReason)) | values_of(anthropic.types.beta.BetaMessage, "stop_reason")

    assert listed
    assert set() == listed - set(claude.STOP_REASONS) - {"refusal"}


@pytest.mark.skipif(
    not hasattr(anthropic.types, "RefusalStopDetails"), reason="this anthropic lists no refusal categories"
)
def test_every_anthropic_category_has_a_reading() -> None:
    """Stable and beta."""
    listed = values_of(anthropic.types.RefusalStopDetails, "category")

    assert listed
    assert set() == listed - set(claude.CATEGORIES)


def test_every_openai_finish_reason_has_a_reading() -> None:
    """Of chat completions, whole and streamed, and of legacy completions."""
    from openai.types import CompletionChoice
    from openai.types.chat import chat_completion, chat_completion_chunk

    models = (chat_completion.Choice, chat_completion_chunk.Choice, CompletionChoice)
    listed = set().union(*(values_of(model, "finish_reason") for model in models))

    assert listed
    assert set() == listed - set(FINISH_REASONS) - {CONTENT_FILTER}


@pytest.mark.skipif(not hasattr(openai.types, "responses"), reason="this openai has no Responses API")
def test_every_openai_response_status_and_reason_has_a_reading() -> None:
    """Statuses, incomplete reasons and error codes."""
    from openai.types import responses
    from openai.types.responses.response import IncompleteDetails

    statuses = set(literals(responses.ResponseStatus))
    reasons = values_of(IncompleteDetails, "reason")
    codes = values_of(responses.ResponseError, "code")

    assert statuses
    assert set() == statuses - PENDING - {"completed", "failed", "incomplete", "cancelled"}
    assert set() == reasons - set(INCOMPLETE_REASONS) - {CONTENT_FILTER}
    assert set() == codes - set(POLICY_CODES) - NOT_REFUSALS


@has_sessions
def test_every_stop_reason_of_an_anthropic_session_has_a_reading() -> None:
    """Of a session and of a thread."""
    from anthropic.types.beta import sessions

    kinds = (
        sessions.BetaManagedAgentsSessionStatusIdleEvent,
        sessions.BetaManagedAgentsSessionThreadStatusIdleEvent,
    )
    listed = {
        value
        for kind in kinds
        for reason in union_members(kind.model_fields["stop_reason"].annotation)
        for value in values_of(reason, "type")
    }

    assert "end_turn" in listed
    for value in listed:
        event = {"type": "session.status_idle", "stop_reason": {"type": value}}
        assert not isinstance(read(SessionEventReader(), event), Unknown), value


@has_live
def test_every_way_an_openai_realtime_response_ends_has_a_reading() -> None:
    """Statuses, and the reasons of one that did not complete."""
    from openai.types.realtime import RealtimeResponse, RealtimeResponseStatus

    statuses = values_of(RealtimeResponse, "status") - {"in_progress", "incomplete"}
    reasons = values_of(RealtimeResponseStatus, "reason") - {"turn_detected", "client_cancelled"}  # of a cancelled one

    assert "failed" in statuses
    for status in statuses:
        assert not isinstance(read(RealtimeReader(), {"status": status}), Unknown), status
    for reason in reasons:
        response = {"status": "incomplete", "status_details": {"reason": reason}}
        assert not isinstance(read(RealtimeReader(), response), Unknown), reason


@has_live
def test_every_way_an_openai_job_or_turn_ends_has_a_reading() -> None:
    """The statuses of videos and agent turns, and the error codes of turns."""
    from openai.types import Video
    from openai.types.beta.agents.sessions import Turn
    from openai.types.beta.session_turn_error import SessionTurnError

    videos = values_of(Video, "status")
    turns = values_of(Turn, "status") - {"queued", "in_progress", "waiting"}

    assert videos
    assert turns
    for status in videos:
        assert not isinstance(read(VideosReader(), {"object": "video", "status": status}), Unknown), status
    for status in turns:
        assert not isinstance(read(TurnReader(), {"object": "agent.session.turn", "status": status}), Unknown), status
    assert set() == values_of(SessionTurnError, "code") - set(POLICY_CODES) - TRUNCATED - TURN_ERRORS
