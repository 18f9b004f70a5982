"""`read_batch` and `otel-refusals read FILE.jsonl`: the results of a batch, from the file that was downloaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import otel_refusals
from otel_refusals import BatchResult, Errored, Incomplete, Refused, read_batch
from otel_refusals.cli.read import read
from otel_refusals.wire import WireFormatError
from tests.telemetry import Recorded

WIRE = Path(str(files("otel_refusals.testing") / "wire"))
ANTHROPIC = WIRE / "anthropic/batch_results.jsonl"
OPENAI = WIRE / "openai/batch_output.jsonl"

CHAT = {
    "object": "chat.completion",
    "id": "chatcmpl-1",
    "model": "gpt-5.5",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
}


def words(results: list[BatchResult]) -> list[tuple[str | None, str]]:
    """The caller's ids and the outcomes."""
    return [(result.custom_id, result.outcome.outcome) for result in results]


def test_every_request_of_an_openai_batch_has_its_outcome() -> None:
    """The SDK hands the file out as bytes and never looks at its lines."""
    results = list(read_batch(OPENAI))

    assert [("ok", "completed"), ("refused", "refused"), ("filtered", "refused")] == words(results)
    assert ["openai"] * 3 == [result.provider for result in results]
    assert isinstance(results[1].outcome, Refused)
    assert "model" == results[1].outcome.refusal.source


def test_every_request_of_an_anthropic_batch_has_its_outcome() -> None:
    """Those that were not answered say why."""
    results = list(read_batch(ANTHROPIC))

    assert ["completed", "refused", "refused", "error", "error", "incomplete"] == [
        result.outcome.outcome for result in results
    ]
    assert Errored("invalid_request_error") == results[3].outcome
    assert Errored("expired") == results[4].outcome
    assert Incomplete() == results[5].outcome


def test_the_results_can_be_a_path_bytes_or_lines() -> None:
    """All read the same."""
    with OPENAI.open() as file:
        from_file = words(list(read_batch(file)))

    assert words(list(read_batch(str(OPENAI)))) == words(list(read_batch(OPENAI.read_bytes()))) == from_file


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ({"custom_id": "a", "id": "b", "response": {"status_code": 200, "body": CHAT}, "error": None}, "completed"),
        ({"custom_id": "a", "id": "b", "response": None, "error": {"code": "batch_expired", "message": ""}}, "error"),
        (
            {
                "custom_id": "a",
                "id": "b",
                "response": {
                    "status_code": 400,
                    "body": {"error": {"code": "content_filter", "message": "blocked", "type": None, "param": None}},
                },
            },
            "refused",
        ),
        ({"custom_id": "a", "result": {"type": "brand_new"}}, "unknown"),
        ({"recordId": "a", "modelInput": {}, "error": {"errorCode": 400}, "modelOutput": None}, "error"),
    ],
)
def test_the_envelopes_of_the_vendors_are_known(line: dict[str, Any], outcome: str) -> None:
    """A request can fail as a whole, or be answered by an error that is a refusal."""
    (result,) = read_batch(json.dumps(line).encode())

    assert ("a", outcome) == (result.custom_id, result.outcome.outcome)


@pytest.mark.parametrize(("line", "why"), [("{", "line 2 is not JSON"), ("{}", "line 2 is JSON, but no result")])
def test_a_line_that_is_no_result_is_named_and_what_came_before_it_is_not_lost(line: str, why: str) -> None:
    """And the lines after it can still be read."""
    good = OPENAI.read_text().splitlines()[0]
    lines = iter([good, line, good])
    results = read_batch(lines)
    before = next(results)
    with pytest.raises(WireFormatError, match=why):
        next(results)
    (after,) = read_batch(lines)

    assert [("ok", "completed")] * 2 == words([before, after])


def test_results_are_counted_on_request_once_however_often_they_are_read(recorded: Recorded) -> None:
    """Like operations that were seen, with the vendor's model and without a time."""
    for _ in range(2):
        for _ in read_batch(ANTHROPIC, count=True):
            pass

    assert {"completed": 1, "refused": 2, "error": 2, "incomplete": 1} == recorded.outcomes
    assert {"anthropic": 6} == recorded.sums("refusal.client.operations", "gen_ai.provider.name")
    assert not recorded.points("refusal.client.time_to_refusal")


def test_nothing_is_counted_unless_it_is_asked_for(recorded: Recorded) -> None:
    """Reading alone leaves no trace."""
    assert 6 == len(list(read_batch(ANTHROPIC)))
    assert {} == recorded.outcomes


def test_a_batch_of_another_provider_is_counted_as_its_own(instrument: Callable[..., Recorded]) -> None:
    """Azure's batch files have the form of OpenAI's."""
    recorded = instrument()
    list(read_batch(OPENAI, count=True, provider="azure.ai.openai"))

    assert {"azure.ai.openai": 3} == recorded.sums("refusal.client.operations", "gen_ai.provider.name")


def test_one_outcome_of_many_results_is_refused() -> None:
    """`outcome_of` reads one response; it says who reads this."""
    with pytest.raises(TypeError, match="read_batch"):
        otel_refusals.outcome_of(ANTHROPIC.read_bytes())


def test_the_command_sums_a_batch_up() -> None:
    """How many ended how, why, and which were declined."""
    shown = CliRunner().invoke(read, [str(ANTHROPIC)])

    assert 0 == shown.exit_code
    assert "6 requests" in shown.output
    assert "33.3%" in shown.output
    assert "declined: refused, refused_mid" in shown.output


def test_the_command_lists_every_result_for_a_machine() -> None:
    """With what a pipeline wants to select by."""
    shown = CliRunner().invoke(read, ["--json", str(ANTHROPIC)])

    found = json.loads(shown.output)
    assert {"completed": 1, "refused": 2, "error": 2, "incomplete": 1} == found["outcomes"]
    assert ("refused", "cyber", "pre_output") == tuple(
        found["results"][1][key] for key in ("outcome", "category", "stage")
    )


def test_the_command_counts_only_with_somebody_to_count_for() -> None:
    """Otherwise the numbers would go nowhere, and nobody would know."""
    shown = CliRunner().invoke(read, ["--count", str(ANTHROPIC)])

    assert 2 == shown.exit_code
    assert "opentelemetry-instrument" in shown.output


def test_the_command_names_the_line_that_is_broken(tmp_path: Path) -> None:
    """And the file."""
    path = tmp_path / "results.jsonl"
    path.write_bytes(ANTHROPIC.read_bytes() + b'{"half')

    shown = CliRunner().invoke(read, [str(path)])

    assert 2 == shown.exit_code
    assert "results.jsonl" in shown.output
    assert "line 7 is not JSON" in shown.output
