"""`otel-refusals report`: from the counters in a real Prometheus, and from the results of batches."""

from __future__ import annotations

import json
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from otel_refusals.cli.report import report
from otel_refusals.names import DISCARDED_OUTPUT_TOKENS, OPERATIONS, REFUSALS, UNKNOWN_STOP_REASONS, Metric
from otel_refusals.sampling.history import increase
from otel_refusals.testing import Reply, StubServer
from tests.bundle.servers import Server, path_of
from tests.bundle.start import prometheus

WIRE = Path(str(files("otel_refusals.testing") / "wire"))
HOUR = 3600


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(report, list(map(str, arguments)))


def groups(result: Result) -> dict[str, Any]:
    """The groups of a report in JSON by their names."""
    assert result.exit_code == 0, result.output
    return {group["name"]: group for group in json.loads(result.stdout)["groups"]}


def series(metric: Metric, instance: str, **labels: str) -> str:
    """A series of the workload `review`, of one process."""
    base = {
        "gen_ai_provider_name": "anthropic",
        "gen_ai_operation_name": "chat",
        "gen_ai_request_model": "one",
        "refusal_workload": "review",
        "instance": instance,
    }
    text = ",".join(f'{name}="{value}"' for name, value in {**base, **labels}.items())
    return f"{metric.prometheus}{{{text}}}"


def history(now: int) -> dict[str, list[tuple[int, float]]]:
    """Samples of each series: seconds before now, and the value."""
    refused = {"refusal_outcome": "refused"}
    kind = {**refused, "refusal_category": "cyber", "refusal_stage": "mid_stream"}
    return {
        # A day old: 500 before the span. In it 60 more, a restart, 40 more, a restart with less than a minute, 5 more.
        series(OPERATIONS, "a", refusal_outcome="completed"): [
            *((ago, 500.0) for ago in range(30 * HOUR, 5 * HOUR, -300)),
            (5 * HOUR, 530.0), (4 * HOUR, 560.0), (3 * HOUR, 10.0), (2 * HOUR, 40.0), (HOUR, 5.0), (60, 5.0),
        ],
        # Born in the span with its first values, as counters are.
        series(OPERATIONS, "b", refusal_outcome="refused"): [(4 * HOUR, 3.0), (3 * HOUR, 20.0), (60, 20.0)],
        series(REFUSALS, "b", **kind): [(4 * HOUR, 3.0), (3 * HOUR, 20.0), (60, 20.0)],
        series(DISCARDED_OUTPUT_TOKENS, "b", refusal_category="cyber"): [(4 * HOUR, 70.0), (60, 900.0)],
        # A job that lived for two minutes and whose series is stale at once.
        series(OPERATIONS, "job", refusal_outcome="completed"): [(2 * HOUR + 100, 7.0), (2 * HOUR + 40, 15.0)],
        # Another model, and errors, which are in no rate.
        series(OPERATIONS, "a", gen_ai_request_model="two", refusal_outcome="completed"): [(HOUR, 100.0)],
        series(OPERATIONS, "a", gen_ai_request_model="two", refusal_outcome="refused"): [(HOUR, 1.0)],
        series(OPERATIONS, "a", gen_ai_request_model="two", refusal_outcome="error"): [(HOUR, 9.0)],
        # Another workload, with a stop reason that nobody knows; and one that had ended before.
        series(OPERATIONS, "c", refusal_workload="bot", refusal_outcome="unknown"): [(HOUR, 2.0)],
        series(UNKNOWN_STOP_REASONS, "c", refusal_workload="bot", refusal_signal="vetoed"): [(HOUR, 2.0)],
        series(OPERATIONS, "d", refusal_workload="gone", refusal_outcome="completed"): [(20 * HOUR, 50.0)],
    }  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prometheus that has the history, up to now."""
    home, now = tmp_path_factory.mktemp("history"), int(time.time())
    families: dict[str, list[str]] = defaultdict(list)
    for name, samples in history(now).items():
        lines = (f"{name} {value} {now - ago}\n" for ago, value in samples)
        families[name.partition("{")[0].removesuffix("_total")] += lines
    text = "".join(f"# TYPE {family} counter\n{''.join(lines)}" for family, lines in families.items())
    (home / "history.txt").write_text(f"{text}# EOF\n")
    making = [path_of("promtool"), "tsdb", "create-blocks-from", "openmetrics", home / "history.txt", home / "tsdb"]
    subprocess.run(list(map(str, making)), check=True, capture_output=True, timeout=60)
    (home / "prometheus.yml").write_text("{}")
    with prometheus(home / "prometheus.yml", home) as server:
        yield server


@pytest.mark.needs("prometheus", "promtool")
def test_counts_are_whole_and_outlive_restarts(served: Server) -> None:
    """What two restarts had counted, a first value, and a short job are in; what was before the span is not."""
    found = groups(run("--prometheus", served.url, "--since", "12h", "--workload", "review", "--format", "json"))

    assert list(found) == ["one", "two"]
    assert found["one"]["outcomes"] == {"completed": 60 + 40 + 5 + 15, "refused": 20}
    assert found["one"]["categories"]["cyber"]["count"] == 20
    assert found["one"]["stages"]["mid_stream"]["share"] == pytest.approx(20 / 140)
    assert found["one"]["discarded_output_tokens"] == 900
    assert found["one"]["declined"] is None
    assert (found["two"]["answered"], found["two"]["requests"]) == (101, 110)


@pytest.mark.needs("prometheus", "promtool")
def test_two_models_of_a_history_are_compared_as_different_requests(served: Server) -> None:
    """In the order in which they were asked for."""
    options = ("--since", "12h", "--model", "two", "--model", "one", "--workload", "review")
    result = run("--prometheus", served.url, *options, "--format", "json")

    assert list(groups(result)) == ["two", "one"]
    difference = json.loads(result.stdout)["difference"]
    assert difference["difference"] == pytest.approx(20 / 140 - 1 / 101)
    assert "Fisher" in difference["method"]
    assert difference["significant"]
    assert "one refuses 13.3 points more than two" in " ".join(run("--prometheus", served.url, *options).stdout.split())


@pytest.mark.needs("prometheus", "promtool")
def test_every_workload_is_a_line_of_its_own(served: Server) -> None:
    """With unknown stop reasons named; a workload without operations in the span is none."""
    result = run("--prometheus", served.url, "--since", "12h", "--format", "json")
    found = groups(result)

    assert list(found) == ["review / one", "review / two", "bot / one"]
    assert found["bot / one"]["unknown_stop_reasons"] == {"vetoed": 2}
    assert json.loads(result.stdout)["difference"] is None
    assert "vetoed (2)" in run("--prometheus", served.url, "--since", "12h").stdout
    assert "<!DOCTYPE html>" in run("--prometheus", served.url, "--since", "12h", "--format", "html").stdout


@pytest.mark.needs("prometheus", "promtool")
def test_nothing_counted_is_a_clear_error(served: Server) -> None:
    """A name with signs that mean something to Prometheus is still only a name."""
    result = run("--prometheus", served.url, "--workload", 'a"b\\c', "--model", "gpt.5+(x)|[y]^-")

    assert result.exit_code == 1
    assert f"{served.url} knows no operations of that kind in that time" in result.stderr


def test_a_server_that_fails_is_told() -> None:
    """Nothing listens, no such API, no address, no span."""
    assert "connection refused" in run("--prometheus", "http://127.0.0.1:1").stderr
    assert "is no address of a server" in run("--prometheus", "there").stderr
    assert "'7 days' is no span of time" in run("--prometheus", "http://127.0.0.1:1", "--since", "7 days").stderr
    with StubServer(lambda _: Reply(b"{}")) as server:
        assert "does not speak Prometheus' API" in run("--prometheus", server.url).stderr
    with StubServer(lambda _: Reply(b"{}", 401)) as server:
        assert "set PROMETHEUS_TOKEN" in run("--prometheus", server.url).stderr


@given(st.lists(st.integers(0, 9), max_size=20), st.lists(st.booleans(), max_size=20), st.integers(0, 9))
def test_an_increase_is_what_was_counted(steps: list[int], restarts: list[bool], before: int) -> None:
    """Whatever restarts there were, as long as one step shows the process that ended."""
    value, counted, values = before, 0, []
    for step, restart in zip(steps, restarts, strict=False):
        if restart and step < value:  # one that counts past its predecessor within a step cannot be told from it
            value = 0
        value += step
        counted += step
        values.append(float(value))

    assert increase(values, float(before)) == counted
    assert increase([float(before), *values], None) == before + counted


def test_batches_of_both_vendors_are_reported() -> None:
    """Outcomes by file, with the ids of those that were declined."""
    openai, anthropic = WIRE / "openai/batch_output.jsonl", WIRE / "anthropic/batch_results.jsonl"
    found = groups(run(openai, "--format", "json"))

    assert found[str(openai)]["outcomes"] == {"completed": 1, "refused": 2}
    assert found[str(openai)]["declined"] == ["refused", "filtered"]
    result = run(openai, anthropic, "--format", "json")
    assert groups(result)[str(anthropic)]["refused"]["count"] == 2
    assert "independent" in json.loads(result.stdout)["difference"]["method"]


def test_two_batches_of_the_same_requests_are_compared_by_pairs(tmp_path: Path) -> None:
    """By their custom ids."""
    lines = (WIRE / "openai/batch_output.jsonl").read_text().splitlines()
    other = tmp_path / "other.jsonl"
    answer = next(json.loads(line) for line in lines if json.loads(line)["custom_id"] == "ok")
    other.write_text("\n".join(json.dumps({**answer, "custom_id": name}) for name in ("ok", "refused", "filtered")))
    difference = json.loads(run(WIRE / "openai/batch_output.jsonl", other, "--format", "json").stdout)["difference"]

    assert difference["pairs"] == 3
    assert difference["difference"] == pytest.approx(-2 / 3)
    assert not difference["significant"]


def test_what_is_asked_for_must_make_sense(tmp_path: Path) -> None:
    """One origin, options that belong to it, and files that hold results."""
    (tmp_path / "bad.jsonl").write_text("{}\n")
    (tmp_path / "empty.jsonl").write_text("\n")

    assert "say of what" in run().stderr
    assert "say of what" in run(tmp_path / "bad.jsonl", "--prometheus", "http://127.0.0.1:1").stderr
    assert "they need --prometheus" in run(tmp_path / "bad.jsonl", "--model", "m").stderr
    assert "bad.jsonl: line 1 is JSON, but no result of a batch" in run(tmp_path / "bad.jsonl").stderr
    assert "empty.jsonl: holds no results" in run(tmp_path / "empty.jsonl").stderr
    assert "missing.jsonl: no such file" in run(tmp_path / "missing.jsonl").stderr
