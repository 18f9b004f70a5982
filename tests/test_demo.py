"""The demo: one real run of the application under `opentelemetry-instrument`, and what is made of what arrives."""

from __future__ import annotations

import io
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from otel_refusals import names
from otel_refusals.cli import demo as command
from otel_refusals.demo import app
from otel_refusals.demo import run as running
from otel_refusals.demo.app.work import CALLS, FILES
from otel_refusals.demo.endpoint import VendorEndpoint
from otel_refusals.demo.figures import Declines, Figures, figures_of
from otel_refusals.demo.run import DemoError, Progress, Run
from otel_refusals.demo.screen import show
from otel_refusals.testing.otlp import MetricPoint, Received

COLOR = re.compile(r"\x1b\[[0-9;]*(3[0-7]|38|9[0-7])")


@dataclass
class Shown:
    """One run of the command: what it printed, and what the run behind it left."""

    result: Result
    run: Run
    figures: Figures


@pytest.fixture(scope="module")
def shown() -> Shown:
    """`otel-refusals demo`, once for all tests, without a terminal."""
    runs: list[Run] = []
    real = running.run

    def kept(*args: object) -> Run:
        runs.append(real(*args))  # type: ignore[arg-type]
        return runs[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "run", kept)
        # A person's own settings and keys must neither be used nor disturb.
        patch.setenv("OTEL_SDK_DISABLED", "true")
        patch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9")
        patch.setenv("COLUMNS", "120")
        result = CliRunner().invoke(command.demo)
    assert result.exit_code == 0, result.output
    return Shown(result, runs[0], figures_of(runs[0].received))


def test_every_call_is_one_operation(shown: Shown) -> None:
    """Each call of the application is counted once, by workload and outcome."""
    assert shown.figures.outcomes == {
        "security-review": Counter(completed=8, refused=6),
        "support-bot": Counter(completed=10, refused=5, error=1),
        "claims-intake": Counter(completed=5, refused=3),
        "code-assistant": Counter(completed=10, rescued=1, tool_call=1, truncated=1, unknown=1),
    }
    assert shown.figures.operations == CALLS
    assert shown.figures.errors == Counter(InternalServerError=1)
    assert shown.run.statuses == Counter({200: CALLS - 2, 400: 1, 500: 1})


def test_refusals_with_category_stage_source_and_tokens(shown: Shown) -> None:
    """The table of refusals has a row for each way in which the vendor declined."""
    bot, claims, review = "support-bot", "claims-intake", "security-review"
    found = [
        (row.workload, row.provider, row.category, row.stage, row.sources, row.count, row.unreported)
        for row in shown.figures.refusals
    ]
    assert found == [
        (claims, "aws.bedrock", "violence", "pre_output", ("guardrail",), 1, 0),
        (claims, "gcp.gemini", "blocklist", "pre_output", ("classifier",), 1, 0),
        (claims, "gcp.gemini", "dangerous", "mid_stream", ("classifier",), 1, 0),
        (review, "anthropic", "cyber", "mid_stream", ("classifier",), 3, 0),
        (review, "anthropic", "cyber", "pre_output", ("classifier",), 3, 0),
        (bot, "openai", "unspecified", "mid_stream", ("classifier",), 2, 1),
        (bot, "openai", "unspecified", "pre_output", ("model",), 2, 0),
        (bot, "azure.ai.openai", "jailbreak", "pre_output", ("classifier",), 1, 0),
    ]
    assert all((row.discarded > 0) == (row.stage == "mid_stream") for row in shown.figures.refusals)


def test_rescued_and_unknown_stand_apart(shown: Shown) -> None:
    """The rescued call names the model that answered; the unknown stop reason has its value and its time."""
    [rescued], [unknown] = shown.figures.rescued, shown.figures.unknown
    assert (rescued.workload, rescued.model, rescued.rescued_by) == (
        "code-assistant",
        "claude-fable-5",
        "claude-opus-4-8",
    )
    assert (unknown.workload, unknown.provider, unknown.signal, unknown.count) == (
        "code-assistant",
        "anthropic",
        "policy_hold",
        1,
    )
    assert unknown.last_seen > 0


def test_spans_and_events_came_with_the_numbers(shown: Shown) -> None:
    """The SDK's own spans are annotated, missing ones are made, and an event points to the span of each refusal."""
    figures = shown.figures
    assert figures.events == Counter({names.REFUSAL_DETECTED: 15, names.UNKNOWN_STOP_REASON: 1})
    assert (figures.annotated, figures.own_spans) == (28 + 3 + 7, 7)
    assert figures.evidence is not None
    assert figures.evidence.event.trace_id == figures.evidence.span.trace_id
    assert figures.evidence.span.attributes[names.STAGE] == "mid_stream"
    assert figures.evidence.exemplar


def test_the_application_believed_otherwise(shown: Shown) -> None:
    """The application's own records know of no refusal: every declined file counts as reviewed, without a finding."""
    assert shown.run.reports["security-review"] == f"{len(FILES)} files reviewed, 0 findings"
    assert "declined" not in " ".join(shown.run.reports.values())


def test_the_application_knows_nothing_of_this_package() -> None:
    """No module of the application imports or mentions otel_refusals."""
    for module in Path(app.__file__).parent.glob("*.py"):
        assert "otel_refusals" not in module.read_text(encoding="utf-8"), module


def test_no_content_leaves_the_application(shown: Shown) -> None:
    """Neither prompts nor answers nor the vendor's explanations are in what was exported."""
    everything = repr((shown.run.received.spans, shown.run.received.logs, shown.run.received.metrics))
    for content in (
        "declined by a test",
        "archive.py",
        "Reading the unpacking",
        "I'm sorry",
        "content management policy",
    ):
        assert content not in everything


def test_it_is_quick(shown: Shown) -> None:
    """The whole run takes less than the thirty seconds that are promised, on a busy machine too."""
    assert shown.run.seconds < 30


def test_the_command_prints_plain_text_without_a_terminal(shown: Shown) -> None:
    """Piped, the command shows the same screen without a single escape sequence."""
    output = shown.result.output
    assert "\x1b" not in output
    assert "52 calls answered, 14 refusals over OTLP" in output
    for text in (
        "stayed green at 1.9%, while 26.9% of the calls were declined",
        "“14 files reviewed, 0 findings”",
        "6 of 14 declined",
        "UNKNOWN STOP REASON",
        "OTEL_REFUSALS_STOP_REASONS=anthropic:policy_hold=refused",
        "50 with 200, 1 with 400, 1 with 500",
        "claude-opus-4-8 answered",
        shown.figures.evidence.span.trace_id if shown.figures.evidence else "no evidence",
    ):
        assert text in output
    for metric in names.METRICS[:6]:
        assert metric.name in output or metric is names.DISCARDED_INPUT_TOKENS


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_cut_off(shown: Shown, width: int) -> None:
    """The screen fits 80 and 120 columns, with every word whole."""
    console = Console(width=width, file=io.StringIO())
    show(console, shown.run)
    screen = cast("io.StringIO", console.file).getvalue()
    assert max(map(len, screen.splitlines())) <= width
    assert "…" not in screen
    assert "azure.ai.openai" in screen


@pytest.mark.parametrize("no_color", [True, False])
def test_color_on_a_terminal_unless_no_color_is_set(
    shown: Shown, no_color: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal gets colour; NO_COLOR takes it away."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    console = Console(width=100, force_terminal=True, file=io.StringIO())
    show(console, shown.run)
    assert bool(COLOR.search(cast("io.StringIO", console.file).getvalue())) is not no_color


def test_a_bar_on_a_terminal_but_none_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the progress moves; under CI there are two plain lines."""
    monkeypatch.setenv("TERM", "xterm-256color")
    outputs = []
    for ci in (None, "true"):
        monkeypatch.delenv("CI", raising=False)
        if ci:
            monkeypatch.setenv("CI", ci)
        console = Console(width=100, force_terminal=True, file=io.StringIO(), highlight=False)
        with command._watching(console) as watch:
            for answered in (0, 5, CALLS):
                watch(Progress(answered, 2))
        outputs.append(cast("io.StringIO", console.file).getvalue())
    live, plain = outputs
    assert f"{CALLS}/{CALLS}" in live
    assert "refusals over OTLP" in live
    assert plain.count("\n") == 2
    assert f"{CALLS} calls answered, 2 refusals" in plain


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; print('out of memory'); sys.exit(3)", ("status 3", "out of memory")),
        ("print('nothing to do')", ("no refusal.client.operations arrived", "nothing to do")),
    ],
)
def test_a_run_that_shows_nothing_says_why(code: str, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """An application that fails, or of which nothing arrives, ends the command with 1 and its last words."""
    real = running.run
    monkeypatch.setattr(running, "run", lambda watch: real(watch, (sys.executable, "-c", code)))
    result = CliRunner().invoke(command.demo)
    assert result.exit_code == 1
    message = " ".join(result.output.split())
    assert "The demo failed." in message
    for word in words:
        assert word in message
    assert "Traceback" not in message


def test_an_application_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time is over the application is killed, and the message says so."""
    monkeypatch.setattr(running, "PATIENCE", 0.2)
    with pytest.raises(DemoError, match="did not end within"):
        running.run(lambda _: None, (sys.executable, "-c", "import threading; threading.Event().wait()"))


def test_without_opentelemetry_instrument(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where `opentelemetry-instrument` is not installed, the message names what could not be started."""
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    with pytest.raises(DemoError, match="opentelemetry-instrument could not be started"):
        running.run(lambda _: None)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an SDK is missing, the command says which extra brings it, and ends with 2."""
    monkeypatch.setattr(command, "_NEEDED", ("json", "no_such_sdk", "no_such_parent.sdk"))
    result = CliRunner().invoke(command.demo)
    assert result.exit_code == 2
    assert "the demo needs no_such_sdk, no_such_parent.sdk: pip install 'otel-refusals[demo]'" in result.output


def test_the_endpoint_answers_an_unknown_path_with_404() -> None:
    """A path that no vendor has is a 404, not an answer."""
    with VendorEndpoint() as vendor, pytest.raises(HTTPError, match="404") as raised:
        urlopen(f"{vendor.url}/v2/other", b"{}", timeout=10)
    raised.value.close()


def _empty_screen(received: Received) -> str:
    console = Console(width=80, file=io.StringIO())
    show(console, Run(received, Counter(), {}, 1.0))
    return cast("io.StringIO", console.file).getvalue()


def _operations(value: int, outcome: str) -> MetricPoint:
    return MetricPoint(
        metric=names.OPERATIONS.name,
        unit="",
        description="",
        kind="sum",
        value=value,
        count=1,
        attributes={names.WORKLOAD: "w", names.OUTCOME: outcome},
        exemplars=(),
        time=0,
        scope=names.SCOPE,
        resource={},
    )


def test_the_numbers_are_not_made_up() -> None:
    """Other telemetry gives another screen: red above the alarm, nothing rescued, nothing unknown."""
    received = Received()
    received.metrics += [_operations(1, "completed"), _operations(1, "error")]
    screen = _empty_screen(received)
    assert "50.0%  alarm" in screen
    assert "0.0%" in screen
    assert "UNKNOWN" not in screen
    received.metrics += [_operations(2, "completed"), _operations(0, "error")]
    assert "all of 2 as expected" in _empty_screen(received)


def test_no_calls_at_all_are_no_division_by_zero() -> None:
    """Figures of nothing are zero."""
    figures = figures_of(Received())
    assert (figures.operations, figures.share("refused"), figures.refusals) == (0, 0.0, cast("list[Declines]", []))
