"""`otel-refusals sample` with the real SDKs against the bundled endpoint."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from otel_refusals.testing import Reply
from tests.sampling.asked import BROKEN, LIMITED, MODEL, OTHER, CountingEndpoint, arguments, prompts_in, text_of
from tests.sampling.conftest import Sample

COUNT = 40
TEXTS = [text_of(number) for number in range(COUNT)]


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    return prompts_in(tmp_path, COUNT)


def groups(text: str) -> list[dict[str, Any]]:
    """The groups of a report in JSON."""
    return json.loads(text)["groups"]


@pytest.mark.parametrize("sdk", ["anthropic", "openai"])
@pytest.mark.parametrize("stream", [(), ("--stream",)], ids=["whole", "streamed"])
def test_every_refusal_is_found(
    endpoint: CountingEndpoint, prompts: Path, run_sample: Sample, sdk: str, stream: tuple[str, ...]
) -> None:
    """As many as the endpoint has drawn, over both wires, streamed or not; each prompt is asked once."""
    result = run_sample(*arguments(endpoint, prompts, *stream, sdk=sdk))

    assert result.exit_code == 0, result.output
    (group,) = groups(result.stdout)
    assert group["answered"] == COUNT
    assert group["refused"]["count"] == endpoint.declines(TEXTS) == len(group["declined"])
    assert group["refused"]["low"] < group["refused"]["share"] < group["refused"]["high"]
    assert sum(kind["count"] for kind in group["categories"].values()) == group["refused"]["count"]
    assert set(endpoint.asked.values()) == {1}
    assert {bool(request.json.get("stream")) for request in endpoint.requests} == {bool(stream)}


def test_streamed_or_not_is_the_same_report(endpoint: CountingEndpoint, prompts: Path, run_sample: Sample) -> None:
    """With categories, stages and discarded tokens."""
    whole = run_sample(*arguments(endpoint, prompts))
    streamed = run_sample(*arguments(endpoint, prompts, "--stream", "--out", f"{prompts}.streamed"))

    assert groups(whole.stdout) == groups(streamed.stdout)
    (group,) = groups(whole.stdout)
    assert set(group["stages"]) == {"pre_output", "mid_stream"}
    assert group["discarded_output_tokens"] > 0
    assert group["discarded_output_tokens_unreported"] == 0


def test_two_models_are_compared_on_the_same_prompts(
    endpoint: CountingEndpoint, prompts: Path, run_sample: Sample
) -> None:
    """The difference is that of the pairs, and the report says by which methods it was found."""
    result = run_sample(*arguments(endpoint, prompts, "--compare-model", OTHER))

    report = json.loads(result.stdout)
    assert [group["name"] for group in report["groups"]] == [MODEL, OTHER]
    difference = report["difference"]
    expected = (endpoint.declines(TEXTS, OTHER) - endpoint.declines(TEXTS, MODEL)) / COUNT
    assert difference["difference"] == pytest.approx(expected)
    assert difference["pairs"] == COUNT
    assert "McNemar" in difference["method"]
    assert difference["low"] < difference["difference"] < difference["high"]
    assert difference["significant"] == (difference["p_value"] < 0.05)


def test_a_larger_sample_keeps_the_smaller_one(endpoint: CountingEndpoint, prompts: Path, run_sample: Sample) -> None:
    """Chosen by the seed, the first prompts stay the first."""
    first = run_sample(*arguments(endpoint, prompts, "--n", "10", "--seed", "3"))
    ten = set(endpoint.asked)
    second = run_sample(*arguments(endpoint, prompts, "--n", "25", "--seed", "3"))

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert len(ten) == 10
    assert ten < set(endpoint.asked)
    assert set(endpoint.asked.values()) == {1}
    assert groups(second.stdout)[0]["answered"] == 25


def test_the_budget_is_never_exceeded(endpoint: CountingEndpoint, prompts: Path, run_sample: Sample) -> None:
    """What a request could use at most is held back before it is sent; a higher budget goes on."""
    limited = ("--max-tokens", "50", "--concurrency", "3")
    result = run_sample(*arguments(endpoint, prompts, *limited, "--max-total-tokens", "700"))

    assert result.exit_code == 3
    assert "no room for another request" in result.stderr
    assert "higher --max-total-tokens" in result.stderr
    spent = int(json.loads(result.stdout)["title"].split(" answered, ")[1].split()[0])
    assert 0 < spent <= 700
    assert 0 < len(endpoint.requests) < COUNT

    result = run_sample(*arguments(endpoint, prompts, *limited, "--max-total-tokens", "100000"))

    assert result.exit_code == 0
    assert set(endpoint.asked.values()) == {1}


def test_a_rate_limit_is_waited_for(endpoint: CountingEndpoint, prompts: Path, run_sample: Sample) -> None:
    """As long as the vendor's Retry-After says; nothing is missing in the end."""
    endpoint.queue(Reply(LIMITED, 429, headers={"retry-after": "1"}))
    result = run_sample(*arguments(endpoint, prompts, "--n", "3", "--concurrency", "1"))

    assert result.exit_code == 0, result.output
    assert groups(result.stdout)[0]["answered"] == 3
    assert len(endpoint.requests) == 4
    waits = [after - before for before, after in pairwise(endpoint.times)]
    assert waits[0] >= 1


def test_a_rate_limit_without_end_ends_the_run(endpoint: CountingEndpoint, prompts: Path, run_sample: Sample) -> None:
    """Once the SDK has given up, nothing more is sent, and the same command goes on later."""
    run_sample(*arguments(endpoint, prompts, "--n", "5"))
    endpoint.clear()
    endpoint.queue(Reply(LIMITED, 429, headers={"retry-after": "3600", "x-should-retry": "false"}))
    result = run_sample(*arguments(endpoint, prompts, "--concurrency", "1"))

    assert result.exit_code == 1
    assert "the rate limit did not end" in result.stderr
    assert "asks to wait 3600 seconds" in result.stderr
    assert len(endpoint.requests) == 1
    assert groups(result.stdout)[0]["answered"] == 5

    assert run_sample(*arguments(endpoint, prompts)).exit_code == 0


def test_an_error_is_in_no_rate_and_is_asked_again(
    endpoint: CountingEndpoint, prompts: Path, run_sample: Sample
) -> None:
    """One prompt fails for good; the report says so, and the same command asks it, and it alone."""
    endpoint.queue(Reply(BROKEN, 500, headers={"x-should-retry": "false"}))
    result = run_sample(*arguments(endpoint, prompts))

    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["groups"][0]["answered"] == COUNT - 1
    assert report["notes"] == ["Not answered, and in no rate: 1 InternalServerError. The same command asks them again."]

    endpoint.requests.clear()
    result = run_sample(*arguments(endpoint, prompts))

    assert groups(result.stdout)[0]["answered"] == COUNT
    assert len(endpoint.requests) == 1


def test_the_sdk_asks_again_after_an_error(endpoint: CountingEndpoint, prompts: Path, run_sample: Sample) -> None:
    """Overloaded twice, then answered: nobody has to know."""
    endpoint.queue(*[Reply(BROKEN, 529, headers={"retry-after-ms": "1"})] * 2)
    result = run_sample(*arguments(endpoint, prompts, "--n", "1"))

    assert groups(result.stdout)[0]["answered"] == 1
    assert len(endpoint.requests) == 3


def test_errors_only_end_the_run(endpoint: CountingEndpoint, prompts: Path, run_sample: Sample) -> None:
    """A vendor that is down is not asked for the whole file."""
    endpoint.queue(*[Reply(BROKEN, 500, headers={"x-should-retry": "false"})] * COUNT)
    result = run_sample(*arguments(endpoint, prompts, "--concurrency", "2"))

    assert result.exit_code == 1
    assert "20 errors in a row, the last one InternalServerError" in result.stderr
    assert 20 <= len(endpoint.requests) <= 22
    assert groups(result.stdout)[0]["refused"]["share"] is None
    endpoint.clear()


@pytest.mark.parametrize(
    ("status", "told"),
    [(401, "the key is not accepted (401): no"), (404, "no such model or address (404): no")],
)
def test_what_every_prompt_would_get_is_not_tried_again(
    endpoint: CountingEndpoint, prompts: Path, run_sample: Sample, status: int, told: str
) -> None:
    """A wrong key or model is said at once, in the vendor's words."""
    endpoint.queue(*[Reply(b'{"type": "error", "error": {"type": "e", "message": "no"}}', status)] * 8)
    result = run_sample(*arguments(endpoint, prompts))

    assert result.exit_code == 1
    assert told in result.stderr
    assert len(endpoint.requests) <= 8
    endpoint.clear()


@pytest.mark.parametrize("sdk", ["anthropic", "openai"])
def test_a_missing_key_is_a_clear_error(
    endpoint: CountingEndpoint, prompts: Path, run_sample: Sample, monkeypatch: pytest.MonkeyPatch, sdk: str
) -> None:
    """In the words of the SDK, which knows where it looks for one."""
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.delenv("OPENAI_API_KEY")
    result = run_sample(*arguments(endpoint, prompts, sdk=sdk))

    assert result.exit_code == 1
    assert "api_key" in result.stderr
    assert endpoint.requests == []


def test_an_address_of_something_else_is_a_clear_error(
    endpoint: CountingEndpoint, prompts: Path, run_sample: Sample
) -> None:
    """A login page is no answer that can be read."""
    endpoint.queue(*[Reply(b"<html>Log in</html>", content_type="text/html")] * 8)
    result = run_sample(*arguments(endpoint, prompts))

    assert result.exit_code == 1
    assert "is --base-url the right address?" in result.stderr
    endpoint.clear()


def test_a_refusal_by_status_is_a_refusal(endpoint: CountingEndpoint, prompts: Path, run_sample: Sample) -> None:
    """Azure's content filter answers 400."""
    blocked = {
        "error": {"code": "content_filter", "message": "stopped", "type": None, "param": "prompt", "status": 400}
    }
    endpoint.queue(Reply(json.dumps(blocked).encode(), 400))
    result = run_sample(*arguments(endpoint, prompts, "--n", "1", sdk="openai"))

    (group,) = groups(result.stdout)
    assert group["outcomes"] == {"refused": 1}


def test_a_stream_that_is_cut_is_an_error(endpoint: CountingEndpoint, prompts: Path, run_sample: Sample) -> None:
    """Half an answer is none: it is asked again."""
    start = {"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "content": []}}
    event = f"event: message_start\ndata: {json.dumps(start)}\n\n".encode()
    endpoint.queue(Reply([event], content_type="text/event-stream", cut=True))
    result = run_sample(*arguments(endpoint, prompts, "--stream", "--concurrency", "1"))

    assert result.exit_code == 0, result.output
    assert groups(result.stdout)[0]["answered"] == COUNT - 1


def test_an_unknown_stop_reason_is_loud(endpoint: CountingEndpoint, prompts: Path, run_sample: Sample) -> None:
    """It is neither a refusal nor an answer, and is named."""
    novel = {"id": "m", "type": "message", "role": "assistant", "model": MODEL, "content": [], "stop_reason": "vetoed"}
    usage = {"input_tokens": 1, "output_tokens": 1}
    endpoint.queue(Reply(json.dumps({**novel, "usage": usage}).encode()))
    result = run_sample(*arguments(endpoint, prompts, "--n", "1", "--format", "text"))

    assert "stop reasons that no reader knows: vetoed (1)" in " ".join(result.stdout.split())


def test_a_system_message_goes_where_the_vendor_has_it(
    endpoint: CountingEndpoint, tmp_path: Path, run_sample: Sample
) -> None:
    """One file of prompts serves both vendors."""
    file = tmp_path / "with-system.jsonl"
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello."}]
    file.write_text(json.dumps({"id": "a", "messages": messages}))
    run_sample(*arguments(endpoint, file))
    run_sample(*arguments(endpoint, file, "--out", f"{file}.openai", sdk="openai"))

    to_anthropic, to_openai = (request.json for request in endpoint.requests)
    assert (to_anthropic["system"], to_anthropic["messages"]) == ("Be brief.", messages[1:])
    assert to_openai["messages"] == messages
    assert (to_anthropic["max_tokens"], to_openai["max_completion_tokens"]) == (1024, 1024)


@pytest.mark.parametrize("form", ["text", "json", "html"])
def test_prompts_are_shown_only_if_asked_for(
    endpoint: CountingEndpoint, prompts: Path, run_sample: Sample, form: str
) -> None:
    """Otherwise their ids alone; and no journal ever has them."""
    quiet = run_sample(*arguments(endpoint, prompts, "--format", form))
    loud = run_sample(*arguments(endpoint, prompts, "--format", form, "--show-prompts"))

    declined = json.loads(run_sample(*arguments(endpoint, prompts)).stdout)["groups"][0]["declined"]
    assert declined[0] in quiet.stdout
    assert "secret" not in quiet.output
    assert loud.stdout.count("secret task") == len(declined)
    assert "secret" not in Path(f"{prompts}.journal").read_text()
    assert len(endpoint.requests) == COUNT


def test_a_journal_of_other_settings_is_refused(endpoint: CountingEndpoint, prompts: Path, run_sample: Sample) -> None:
    """It says what differs; nothing is asked."""
    run_sample(*arguments(endpoint, prompts))
    endpoint.requests.clear()
    result = run_sample(*arguments(endpoint, prompts, "--max-tokens", "7", "--compare-model", OTHER))

    assert result.exit_code == 1
    assert "was made with other settings" in result.stderr
    assert "max_tokens was 1024 and is 7" in result.stderr
    assert f'models was ["{MODEL}"] and is ["{MODEL}", "{OTHER}"]' in result.stderr
    assert endpoint.requests == []

    prompts_in(prompts.parent, COUNT + 1)
    assert "other prompts" in run_sample(*arguments(endpoint, prompts)).stderr
    assert endpoint.requests == []


def test_the_missing_extra_is_named(run_sample: Sample, prompts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is asked."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "scipy" else object())
    result = run_sample("--vendor", "openai", "--model", "m", "--prompts", str(prompts))

    assert result.exit_code == 2
    assert "this needs scipy: pip install 'otel-refusals[sample,openai]'" in result.stderr
