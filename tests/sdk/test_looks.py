"""Most answers are told by one look: their readers, which cost a call ten times as much, are not asked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anthropic
import openai
import pytest

from otel_refusals.testing import RefusalRecorder, Scenario, inject
from otel_refusals.testing.scenario import COMPLETED
from otel_refusals.vendors import VENDORS

MESSAGES: list[Any] = [{"role": "user", "content": "Please."}]


def _messages() -> object:
    with anthropic.Anthropic(api_key="key") as client:
        return client.messages.create(model="m", max_tokens=9, messages=MESSAGES)


def _raw_messages() -> object:
    with anthropic.Anthropic(api_key="key") as client:
        return client.messages.with_raw_response.create(model="m", max_tokens=9, messages=MESSAGES)


def _chat() -> object:
    with openai.OpenAI(api_key="key") as client:
        return client.chat.completions.create(model="m", messages=MESSAGES)


def _raw_chat() -> object:
    with openai.OpenAI(api_key="key") as client:
        return client.chat.completions.with_raw_response.create(model="m", messages=MESSAGES).parse()


def _parsed_chat() -> object:
    with openai.OpenAI(api_key="key") as client, suppress(openai.ContentFilterFinishReasonError):
        return client.beta.chat.completions.parse(model="m", messages=MESSAGES)
    return None


def _responses() -> object:
    with openai.OpenAI(api_key="key") as client:
        if not hasattr(client, "responses"):
            pytest.skip("this openai has no Responses API")
        return client.responses.create(model="m", input="Please.")


def _gemini() -> object:
    genai = pytest.importorskip("google.genai")
    client = genai.Client(api_key="key")  # it closes its connections when it is dropped
    return client.models.generate_content(model="m", contents="Please.")


def _mistral() -> object:
    pytest.importorskip("mistralai")
    from tests.sdk.mistralai.driver import client

    with client("http://127.0.0.1:9") as mistral:
        return mistral.chat.complete(model="m", messages=MESSAGES)


def _cohere() -> object:
    cohere = pytest.importorskip("cohere")
    return cohere.ClientV2(api_key="key").chat(model="m", messages=MESSAGES)


def _converse() -> object:
    session = pytest.importorskip("botocore.session").get_session()
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    client = session.create_client("bedrock-runtime", region_name="eu-north-1", **keys)
    return client.converse(modelId="m", messages=[{"role": "user", "content": [{"text": "Please."}]}])


CALLS: dict[Callable[[], object], str] = {
    _messages: "anthropic",
    _raw_messages: "anthropic",
    _chat: "openai",
    _raw_chat: "openai",
    _parsed_chat: "openai",
    _responses: "openai",
    _gemini: "google_genai",
    _mistral: "mistralai",
    _cohere: "cohere",
    _converse: "botocore",
}

LOOKED_AT = {end.reader for vendor in VENDORS for end in vendor.endpoints if end.plain is not None}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__.strip("_"))
def test_a_plain_answer_is_told_by_one_look(call: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its reader reads nothing."""

    def reads_nothing(reader: object, wire: object) -> None:
        raise AssertionError(f"{type(reader).__name__} was asked to read {wire!r:.200}")

    with RefusalRecorder() as recorder, inject(CALLS[call], COMPLETED):
        for reader in LOOKED_AT:
            monkeypatch.setattr(reader, "feed", reads_nothing)
        call()

    assert {"completed": 1} == recorder.operations


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__.strip("_"))
def test_what_one_look_cannot_tell_is_read(call: Callable[[], object]) -> None:
    """A decline by the same call, right after one that was plain."""
    with RefusalRecorder() as recorder:
        for scenario in (COMPLETED, Scenario(stage="mid_stream")):
            with inject(CALLS[call], scenario):
                call()

    assert {"completed": 1, "refused": 1} == recorder.operations
