"""We hear of a new stop reason before any user does: every value that the installed SDK lists has a reading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import anthropic
import openai
import pytest

from otel_refusals.vendors import _anthropic_messages as claude
from otel_refusals.vendors._openai_chat import FINISH_REASONS
from otel_refusals.vendors._openai_errors import CONTENT_FILTER, POLICY_CODES
from otel_refusals.vendors._openai_responses import INCOMPLETE_REASONS, PENDING

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
