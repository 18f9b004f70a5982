"""The recipes of examples/policy, as they stand there, against vendors on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

import otel_refusals
from otel_refusals.testing import Reply, Request, Scenario, StubServer, speakers
from tests.fixtures import fixture
from tests.telemetry import Recorded

EXAMPLES = Path(__file__).parent.parent / "examples" / "policy"
FALLBACKS = ("claude-opus-4-8", "gpt-5-mini")
ANSWER = "No findings."
SURFACED = "The model declined to answer. Nothing was found or ruled out."
ESCALATED = "This was handed to a person, who will answer."

pytestmark = pytest.mark.skipif(
    not hasattr(anthropic, "BetaRefusalFallbackMiddleware"), reason="this anthropic has no fallback middleware"
)


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Imports a recipe."""
    monkeypatch.syspath_prepend(EXAMPLES)
    return import_module


def claude_wire(request: Request) -> Reply:
    """A vendor whose models decline what the question names, `cyber` or `bio`; the fallback model answers."""
    question = request.json["messages"][-1]["content"]
    category = question.split()[-1]
    scenario = Scenario(stage="mid_stream", category=category, text="Let me look at")
    if question.startswith("whole"):
        scenario = Scenario(category=category)
    if request.json["model"] in FALLBACKS:
        scenario = Scenario(outcome="completed", text=ANSWER)
    elif request.json.get("fallbacks"):
        scenario = Scenario(outcome="rescued", category=category, text=ANSWER)
    elif question == "odd":
        scenario = Scenario(outcome="unknown", text="Hm")
    return played(request, scenario)


def played(request: Request, scenario: Scenario) -> Reply:
    """The answer, on the wire that is asked for."""
    reply = speakers.answer(request, scenario)
    assert reply
    return reply


@pytest.fixture
def claude() -> Iterator[anthropic.Anthropic]:
    """A client of that vendor."""
    with StubServer(claude_wire) as vendor, anthropic.Anthropic(base_url=vendor.url, api_key="key") as client:
        yield client


def dispositions(recorded: Recorded) -> dict[Any, float]:
    """What was done, by workload and category."""
    return recorded.sums("refusal.client.dispositions", "refusal.workload", "refusal.category", "refusal.disposition")


@pytest.mark.parametrize(
    ("question", "answer", "disposition"),
    [
        ("whole cyber", ANSWER, ("security-review", "cyber", "rerouted")),
        ("whole frontier_llm", SURFACED, ("security-review", "frontier_llm", "surfaced")),
        ("whole bio", ESCALATED, ("security-review", "bio", "escalated")),
        ("odd", ESCALATED, ("security-review", "unspecified", "escalated")),
    ],
)
def test_claude_by_policy(
    recipe: Callable[[str], Any],
    claude: anthropic.Anthropic,
    recorded: Recorded,
    question: str,
    answer: str,
    disposition: tuple[str, str, str],
) -> None:
    """One category is rerouted, another surfaced, a third escalated; so is a stop reason that nobody knows."""
    with otel_refusals.workload("security-review"):
        assert answer == recipe("anthropic_by_policy").ask(claude, question)

    assert {disposition: 1} == dispositions(recorded)


def test_a_fallback_that_declines_too_does_not_go_round_in_circles(
    recipe: Callable[[str], Any], recorded: Recorded
) -> None:
    """It is a workload of its own, which has no rule to reroute it."""
    refused = fixture("anthropic/refusal_pre_output_cyber.json").reply
    with (
        StubServer(lambda _: refused) as vendor,
        anthropic.Anthropic(base_url=vendor.url, api_key="key") as client,
        otel_refusals.workload("security-review"),
    ):
        assert SURFACED == recipe("anthropic_by_policy").ask(client, "Review it.")

    assert 2 == len(vendor.requests)
    assert {"security-review": 1, "fallback": 1} == recorded.sums("refusal.client.operations", "refusal.workload")


@pytest.mark.parametrize(("question", "last"), [("Review cyber", ANSWER), ("Review bio", ESCALATED)])
def test_a_text_that_does_not_stand_is_taken_back(
    recipe: Callable[[str], Any], claude: anthropic.Anthropic, recorded: Recorded, question: str, last: str
) -> None:
    """What was streamed before the refusal is gone from the screen before another text comes."""
    drawn: list[str] = []
    with otel_refusals.workload("security-review"):
        recipe("anthropic_by_policy").show(claude, question, drawn.append)

    taken_back = drawn.index("")
    assert "Let me look at" == drawn[taken_back - 1]
    assert not any(text.startswith("Let me") for text in drawn[taken_back:])
    assert last == drawn[-1]
    assert {"mid_stream": 1} == recorded.sums("refusal.client.refusals", "refusal.stage")


def test_fallbacks_of_the_vendor_and_of_its_sdk(
    recipe: Callable[[str], Any], claude: anthropic.Anthropic, recorded: Recorded
) -> None:
    """Both are one rescued operation, about which there is nothing to decide."""
    example = recipe("anthropic_fallbacks")
    with otel_refusals.workload("assistant"):
        assert ANSWER == example.ask_with_fallbacks(claude, "whole cyber")
        assert ANSWER == example.ask(example.with_middleware(claude), "whole bio")

    assert {"rescued": 2} == recorded.outcomes
    assert {} == dispositions(recorded)


def test_a_chain_that_is_declined_to_its_end_is_decided_about(recipe: Callable[[str], Any], recorded: Recorded) -> None:
    """The policy has the last word."""
    example = recipe("anthropic_fallbacks")
    declined = fixture("anthropic/refusal_pre_output_bio_one_token.json").reply
    with (
        StubServer(lambda _: declined) as vendor,
        anthropic.Anthropic(base_url=vendor.url, api_key="key") as client,
        otel_refusals.workload("assistant"),
    ):
        assert ESCALATED == example.ask(example.with_middleware(client), "Review it.")

    assert {("assistant", "bio", "escalated"): 1} == dispositions(recorded)


def gpt_wire(first: Reply) -> Callable[[Request], Reply]:
    """A vendor that gives `first`, and whose fallback model answers."""

    def answer(request: Request) -> Reply:
        if request.json["model"] not in FALLBACKS:
            return first
        return played(request, Scenario(outcome="completed", text=ANSWER))

    return answer


@pytest.mark.parametrize(
    ("wire", "answer", "disposition"),
    [
        ("openai/error_400_cyber_policy.json", ANSWER, ("cyber", "rerouted")),
        ("openai/responses_refusal.json", SURFACED, ("unspecified", "surfaced")),
        ("openai/responses_incomplete_new_reason.json", ESCALATED, ("unspecified", "escalated")),
    ],
)
def test_gpt_by_policy(
    recipe: Callable[[str], Any], recorded: Recorded, wire: str, answer: str, disposition: tuple[str, str]
) -> None:
    """A refusal that is raised is rerouted, one in the answer is surfaced, a reason nobody knows is escalated."""
    with (
        StubServer(gpt_wire(fixture(wire).reply)) as vendor,
        openai.OpenAI(base_url=f"{vendor.url}/v1", api_key="key", max_retries=0) as client,
        otel_refusals.workload("code-search"),
    ):
        assert answer == recipe("openai_by_policy").ask(client, "Find it.")

    assert {("code-search", *disposition): 1} == dispositions(recorded)


def test_a_true_error_is_still_raised(recipe: Callable[[str], Any], recorded: Recorded) -> None:
    """The policy has nothing to say about it."""
    with (
        StubServer(gpt_wire(fixture("openai/error_429_rate_limit.json").reply)) as vendor,
        openai.OpenAI(base_url=f"{vendor.url}/v1", api_key="key", max_retries=0) as client,
        pytest.raises(openai.RateLimitError),
    ):
        recipe("openai_by_policy").ask(client, "Find it.")

    assert {} == dispositions(recorded)


@pytest.mark.parametrize(
    ("wire", "last", "disposition"),
    [
        ("openai/responses_stream_failed_bio.sse", ESCALATED, "escalated"),
        ("openai/responses_stream_incomplete_filter.sse", SURFACED, "surfaced"),
    ],
)
def test_gpt_streamed_by_policy(
    recipe: Callable[[str], Any], recorded: Recorded, wire: str, last: str, disposition: str
) -> None:
    """What was on the screen is taken back first."""
    drawn: list[str] = []
    with (
        StubServer(gpt_wire(fixture(wire).reply)) as vendor,
        openai.OpenAI(base_url=f"{vendor.url}/v1", api_key="key", max_retries=0) as client,
        otel_refusals.workload("code-search"),
    ):
        recipe("openai_by_policy").show(client, "Find it.", drawn.append)

    assert ["", last] == drawn[-2:]
    assert {disposition: 1} == recorded.sums("refusal.client.dispositions", "refusal.disposition")
