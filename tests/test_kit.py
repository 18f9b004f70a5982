"""The stub that plays scenarios, the recorder's messages, and the fixtures as data."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any
from urllib.request import Request, urlopen

import anthropic
import openai
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import otel_refusals
from otel_refusals.cli import commands
from otel_refusals.testing import (
    WAYS,
    Chooser,
    RefusalRecorder,
    Scenario,
    ScenarioError,
    StubServer,
    inject,
    wire,
    wires,
)
from otel_refusals.testing.scenario import scenario_from
from tests.telemetry import Recorded

ASK: dict[str, Any] = {"model": "claude-opus-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Please."}]}


def post(server: StubServer, path: str, body: dict[str, Any], **headers: str) -> Any:
    """The JSON that the stub answers."""
    request = Request(server.url + path, json.dumps(body).encode(), {"content-type": "application/json", **headers})
    with urlopen(request, timeout=10) as response:
        return json.load(response)


def test_a_request_names_its_scenario() -> None:
    """By header, else by its model, else it is completed; whatever the vendor."""
    with StubServer() as server:
        by_header = post(server, "/v1/messages", ASK, **{"x-refusal-scenario": "outcome=refused, category=null"})
        by_model = post(server, "/v1/chat/completions", {**ASK, "model": "gpt@pre_output"})
        in_path = post(server, "/v1beta/models/gemini%40unknown_stop_reason:generateContent", {"contents": []})
        unnamed = post(server, "/model/any.model/converse", {"messages": []})

    assert ("refusal", None) == (by_header["stop_reason"], by_header["stop_details"]["category"])
    assert "content_filter" == by_model["choices"][0]["finish_reason"]
    assert "POLICY_HOLD" == in_path["candidates"][0]["finishReason"]
    assert "end_turn" == unnamed["stopReason"]


def test_what_is_queued_comes_first() -> None:
    """Scenarios and plain replies, in order."""
    with StubServer() as server:
        server.queue(Scenario(outcome="truncated"), Scenario(text="Sure, go on.", outcome="completed"))
        client = anthropic.Anthropic(api_key="key", base_url=server.url)
        first, second = (client.messages.create(**ASK) for _ in range(2))

    assert ("max_tokens", "end_turn") == (first.stop_reason, second.stop_reason)
    assert "Sure, go on." == second.content[0].text


def test_chances_can_be_repeated() -> None:
    """The same seed, the same endings, about as often as the odds say."""

    def play(seed: int) -> list[str]:
        chooser = Chooser({"mid_stream_text": 0.3, "truncated": 0.2}, seed=seed)
        with StubServer(chooser) as server:
            return [post(server, "/v1/messages", ASK)["stop_reason"] for _ in range(60)]

    endings = play(3)
    assert endings == play(3)
    assert endings != play(4)
    assert {"refusal", "max_tokens", "end_turn"} == set(endings)
    assert 30 <= 60 - endings.count("refusal") < 55


def test_a_scenario_that_does_not_exist_is_told_to_the_client() -> None:
    """As an error of the vendor's, which the SDK raises."""
    with StubServer() as server:
        client = openai.OpenAI(api_key="key", base_url=f"{server.url}/v1", max_retries=0)
        with pytest.raises(openai.BadRequestError, match="'refuse' is no scenario"):
            client.chat.completions.create(model="gpt@refuse", messages=[])


@pytest.mark.parametrize(
    ("spelled", "told"),
    [
        ("refuse", "'refuse' is no scenario; there are pre_output"),
        ("pre_output, colour=red", "'colour' is no setting of a scenario"),
        ("after_tokens=many", "after_tokens='many'"),
        ("outcome=lost", "outcome='lost'"),
    ],
)
def test_a_bad_line_is_named(spelled: str, told: str) -> None:
    """With what there is instead."""
    with pytest.raises(ScenarioError, match=told):
        scenario_from(spelled)


@given(name=st.sampled_from(list(WAYS)), tokens=st.integers(1, 500), category=st.sampled_from(["bio", "cyber"]))
def test_a_line_and_a_scenario_say_the_same(name: str, tokens: int, category: str) -> None:
    """However it is spaced."""
    read = scenario_from(f" {name} ,after_tokens = {tokens},  category={category}")

    assert (tokens, category, WAYS[name].outcome) == (read.after_tokens, read.category, read.outcome)


def test_odds_are_probabilities() -> None:
    """That add up to one at most."""
    with pytest.raises(ScenarioError, match="no probabilities"):
        Chooser({"pre_output": 0.7, "truncated": 0.4})


def test_the_command_tells_what_is_wrong() -> None:
    """A scenario, odds, or a port that is taken."""
    with StubServer() as server:
        taken = server.url.rpartition(":")[2]
        for arguments, told in (
            (["--scenario", "nothing"], "'nothing' is no scenario"),
            (["--odds", "pre_output=1"], "not of the form SCENARIO:PROBABILITY"),
            (["--port", taken], f"port {taken}: Address already in use"),
        ):
            result = CliRunner().invoke(commands(), ["stub", *arguments])
            assert 2 == result.exit_code
            assert told in result.output


def test_the_command_serves_until_it_is_interrupted() -> None:
    """With the default scenario that was asked for, and a word for each SDK on how to reach it."""
    command = [
        sys.executable,
        "-c",
        "from otel_refusals.cli import main; main()",
        "stub",
        "--port",
        "0",
        "--scenario",
        "mid_stream_text, category=bio",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[2].rstrip(";")
        client = anthropic.Anthropic(api_key="key", base_url=url)
        with client.messages.stream(**ASK) as stream:
            message = stream.get_final_message()
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()

    assert "bio" == message.stop_details.category
    assert f"OPENAI_BASE_URL={url}/v1" in said
    assert "1 requests answered." in said


def test_the_recorder_says_what_it_found_instead() -> None:
    """Fields that differ, how many, and that nothing was seen."""
    with RefusalRecorder() as recorder:
        with pytest.raises(AssertionError, match=r"expected one refusal, found 0\n  operations: none was seen"):
            recorder.assert_one()
        with inject("anthropic", category="bio"):
            anthropic.Anthropic().messages.create(**ASK)
        with pytest.raises(
            AssertionError, match="category='cyber', found 'bio'; stage='mid_stream', found 'pre_output'"
        ):
            recorder.assert_one(category="cyber", stage="mid_stream")
        with pytest.raises(AssertionError, match="expected no refusal\n  refused: provider='anthropic'"):
            recorder.assert_none()
        with pytest.raises(TypeError, match="'colour' is no field"):
            recorder.assert_one(colour="red")

    assert "bio" == recorder.assert_one(provider="anthropic").category


def test_the_recorder_gives_back_what_was_instrumented(recorded: Recorded) -> None:
    """Its own calls are reported to it alone; later ones go where they went before, once."""
    with RefusalRecorder() as inner, inject("anthropic"):
        anthropic.Anthropic().messages.create(**ASK)
    with inject("anthropic", outcome="truncated"):
        anthropic.Anthropic().messages.create(**ASK)

    assert {"refused": 1} == inner.operations
    assert {"truncated": 1} == recorded.operations


def test_every_fixture_says_what_it_reads_as_and_where_it_comes_from() -> None:
    """Whole ones read so by `outcome_of`."""
    found = wire("anthropic", "refusal_pre_output_cyber")

    assert ("refused", "cyber", "pre_output") == (found.outcome, found.category, found.stage)
    assert isinstance(otel_refusals.outcome_of(found.wires[0]), otel_refusals.Refused)
    assert all(one.origin and one.body for one in wires())


def test_a_fixture_that_is_not_there_is_told_with_those_that_are() -> None:
    """By name, and by provider."""
    with pytest.raises(KeyError, match="no fixture 'refused'; cohere has .*v2_chat_complete"):
        wire("cohere", "refused")
    with pytest.raises(KeyError, match="no fixtures of 'grok'; there are anthropic"):
        wires("grok")
