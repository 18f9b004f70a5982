"""We hear of a new value before any user does: what the installed mistralai lists has a reading."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, get_args, get_origin

import pytest

from otel_refusals.vendors._mistral_conversations import EVENTS
from otel_refusals.vendors._openai_chat import FINISH_REASONS
from otel_refusals.vendors._openai_errors import CONTENT_FILTER, POLICY_CODES
from otel_refusals.vendors._openai_responses import INCOMPLETE_REASONS, PENDING

NOT_REFUSALS = {
    *("server_error", "rate_limit_exceeded", "vector_store_timeout"),
    *("invalid_image", "invalid_image_format", "invalid_base64_image", "invalid_image_url", "image_too_large"),
    *("image_too_small", "image_parse_error", "invalid_image_mode", "image_file_too_large"),
    *("unsupported_image_media_type", "empty_image_file", "failed_to_download_image", "image_file_not_found"),
}
"""Error codes of a failed response that were looked at and are errors."""


def literals(annotation: Any) -> Iterator[str]:
    """The strings of every `Literal` inside an annotation."""
    for argument in get_args(annotation) if get_origin(annotation) is not None else ():
        if isinstance(argument, str):
            yield argument
        else:
            yield from literals(argument)


def listed(module: str, name: str) -> set[str]:
    """The values that a type of the SDK lists."""
    for package in ("mistralai.client.models", "mistralai.models"):
        try:
            return set(literals(getattr(import_module(f"{package}.{module}"), name)))
        except (ImportError, AttributeError):
            continue
    pytest.skip(f"this mistralai has no {name}")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("chatcompletionchoice", "ChatCompletionChoiceFinishReason"),
        ("completionresponsestreamchoice", "CompletionResponseStreamChoiceFinishReason"),
    ],
)
def test_every_finish_reason_has_a_reading(module: str, name: str) -> None:
    """Of whole completions and of chunks."""
    reasons = listed(module, name)

    assert reasons
    assert set() == reasons - set(FINISH_REASONS)


def test_every_event_of_a_conversation_is_known() -> None:
    """Whether it is something that the model produced, and whether it ends the stream."""
    events = listed("ssetypes", "SSETypes")

    assert events
    assert set() == events - set(EVENTS)


def test_every_status_reason_and_code_of_a_response_has_a_reading() -> None:
    """Of the Responses API."""
    reasons = listed("createresponseresponse", "Reason")
    codes = listed("createresponseresponse", "Code")

    assert reasons
    assert codes
    assert set() == reasons - set(INCOMPLETE_REASONS) - {CONTENT_FILTER}
    assert set() == codes - set(POLICY_CODES) - NOT_REFUSALS
    model = import_module("mistralai.client.models.createresponseresponse").CreateResponseResponse
    statuses = set(literals(model.model_fields["status"].annotation))
    assert set() == statuses - PENDING - {"completed", "failed", "incomplete", "cancelled"}
