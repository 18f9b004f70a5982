"""`otel-refusals read FILE`, and the command line around it."""

from __future__ import annotations

import builtins
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import otel_refusals
from otel_refusals import cli
from otel_refusals.cli.read import read
from otel_refusals.config import STOP_REASONS

PROSE = "This asks for a working exploit."


def message(stop_reason: str | None, **more: Any) -> dict[str, Any]:
    """An Anthropic message."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-fable-5",
        "content": [],
        "stop_reason": stop_reason,
        "usage": {"input_tokens": 25, "output_tokens": 1},
        **more,
    }


def completion(*choices: dict[str, Any]) -> dict[str, Any]:
    """An OpenAI chat completion."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "gpt-5.5",
        "choices": [{"index": index, **choice} for index, choice in enumerate(choices)],
        "usage": {"prompt_tokens": 30, "completion_tokens": 14, "total_tokens": 44},
    }


def said(text: str | None = None, refusal: str | None = None, finish_reason: str = "stop") -> dict[str, Any]:
    """A choice."""
    return {"message": {"role": "assistant", "content": text, "refusal": refusal}, "finish_reason": finish_reason}


def sse(*events: dict[str, Any]) -> str:
    """A body of server-sent events."""
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)


DECLINED = message("refusal", stop_details={"type": "refusal", "category": "cyber", "explanation": PROSE})
HOP = {
    "type": "fallback",
    "from": {"model": "claude-fable-5"},
    "to": {"model": "claude-opus-4-8"},
    "trigger": {"type": "refusal", "category": "bio"},
}
RESCUED = message("end_turn", content=[HOP, {"type": "text", "text": "Yes."}])
TWICE = {**DECLINED, "content": [HOP]}
STREAM = (
    {"type": "message_start", "message": message(None)},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Step one"}},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "refusal", "stop_details": {"type": "refusal", "category": "bio"}},
        "usage": {"output_tokens": 1234},
    },
    {"type": "message_stop"},
)


@pytest.fixture
def explain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `read` on a body and check that it ended well."""
    monkeypatch.setenv("COLUMNS", "120")

    def run(body: object, *options: str) -> Result:
        file = tmp_path / "response"
        file.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
        result = CliRunner().invoke(read, [*options, str(file)])
        assert result.exit_code == 0, result.output
        return result

    return run


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            DECLINED,
            ("REFUSED", "classifier", "pre_output", "cyber", "“cyber”", "0 output tokens", "anthropic: message"),
        ),
        (sse(*STREAM), ("mid_stream", "after the model had produced", "1,234 output tokens", "and 4 more events")),
        (RESCUED, ("RESCUED", "answered by claude-opus-4-8", "bio", "rescued by")),
        (TWICE, ("decline 1 of 2", "decline 2 of 2, the one that decided", "“bio”", "“cyber”")),
        (completion(said(refusal="No.")), ("the model wrote the decline itself", "the vendor names none", "gpt-5.5")),
        (
            completion(said("Yes."), said(finish_reason="content_filter"), said(refusal="No.")),
            ("decline 2", "the response does not say", "output tokens unknown"),
        ),
        (
            {
                "error": {
                    "code": "content_filter",
                    "innererror": {
                        "code": "ResponsibleAIPolicyViolation",
                        "content_filter_result": {"jailbreak": {"filtered": True}},
                    },
                }
            },
            ("REFUSED", "jailbreak", "without id or model", "openai: error"),
        ),
        (message("end_turn"), ("COMPLETED", "A normal end.", "end_turn")),
        (message("max_tokens"), ("TRUNCATED", "max_tokens")),
        (message("tool_use"), ("TOOL_CALL", "run a tool")),
        (message("pause_turn"), ("PAUSED", "To be continued")),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, ("ERROR", "overloaded_error")),
        (sse(*STREAM[:3]), ("INCOMPLETE", "before the vendor said")),
        (sse(*STREAM[:1]), ("INCOMPLETE",)),
        (message(None), ("UNKNOWN", "holds no stop reason")),
    ],
)
def test_every_outcome_is_explained(explain: Callable[..., Result], body: object, words: tuple[str, ...]) -> None:
    """Each outcome says what it means, and of a decline who, when, why, by what signal and what was discarded."""
    output = " ".join(explain(body).output.split())
    for word in words:
        assert word in output


def test_an_unknown_stop_reason_is_loud_and_red(
    explain: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the value, what to do with the call, and the setting that teaches it."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    output = explain(message("policy_hold")).output
    assert "\x1b[1;31m" in output
    assert "“policy_hold”" in output
    assert "OTEL_REFUSALS_STOP_REASONS=anthropic:policy_hold=refused" in output
    assert "treat it as no answer" in output


@pytest.mark.parametrize("word", ["completed", "truncated", "tool_call", "paused", "refused", "error"])
def test_a_taught_stop_reason_is_read_as_taught(
    explain: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    """`read` gives the outcome that the instrumentation would report."""
    monkeypatch.setenv(STOP_REASONS, f"anthropic:policy_hold={word}")
    assert json.loads(explain(message("policy_hold"), "--json").output)["outcome"] == word
    assert json.loads(explain(message("other_hold"), "--json").output)["outcome"] == "unknown"


def test_json_for_machines(explain: Callable[..., Result]) -> None:
    """`--json` has every key, null for what the response does not say, and which decline decided."""
    body = json.loads(explain(TWICE, "--json").output)
    assert Path(body.pop("file")).name == "response"
    hop, final = body.pop("refusals")
    assert body == {
        "outcome": "refused",
        "vendor": "anthropic",
        "shape": "message",
        "events": 1,
        "response_id": "msg_1",
        "response_model": "claude-fable-5",
        "signal": "refusal",
        "error_type": None,
        "rescued_by": None,
        "discarded_input_tokens": 0,
        "discarded_output_tokens": 0,
    }
    assert (hop["category"], hop["deciding"], final["category"], final["deciding"]) == ("bio", False, "cyber", True)
    assert final.keys() == {"category", "raw_categories", "stage", "source", "signal", "deciding"}


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_the_vendors_prose_is_shown_only_on_demand(explain: Callable[..., Result], options: tuple[str, ...]) -> None:
    """The explanation is content: `--explain` shows it, nothing else does."""
    assert PROSE not in explain(DECLINED, *options).output
    assert PROSE in explain(DECLINED, "--explain", *options).output
    assert "explanation" in explain(TWICE, "--explain", *options).output


def test_the_content_is_never_shown(explain: Callable[..., Result]) -> None:
    """What the model wrote is not part of the explanation."""
    assert "Step one" not in explain(sse(*STREAM), "--explain").output


def test_a_vendors_value_cannot_write_to_the_terminal(explain: Callable[..., Result]) -> None:
    """Escape sequences in a stop reason come out as replacement characters."""
    assert "\x1b" not in explain(message("\x1b[2Jhold")).output


@pytest.mark.parametrize(
    "body",
    [
        "\n".join(json.dumps(event) for event in STREAM),
        json.dumps(STREAM),
        "\ufeff" + sse(*STREAM),
        sse({"type": "ping"}, *STREAM),
    ],
)
def test_a_stream_in_each_form(explain: Callable[..., Result], body: str) -> None:
    """JSON lines, a JSON list, a byte order mark and a ping first make no difference."""
    found = json.loads(explain(body, "--json").output)
    assert (found["outcome"], found["discarded_output_tokens"]) == ("refused", 1234)


def test_standard_input() -> None:
    """`-` reads standard input."""
    result = CliRunner().invoke(read, ["--json", "-"], input=json.dumps(DECLINED))
    assert (result.exit_code, json.loads(result.output)["file"]) == (0, "standard input")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "is empty"),
        (b" \n\xef", "is neither JSON nor server-sent events"),
        (b"\xef\xbb\xbf \n", "is empty"),
        (b"I can't help with that.", "is neither JSON nor server-sent events"),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", "save the body without the HTTP headers"),
        (b"\x89PNG\r\n\x1a\n\x00", "is neither JSON nor server-sent events"),
        (b"[" * 200_000, "is neither JSON nor server-sent events"),
        (b"data: [DONE]\n\n", "holds server-sent events, but none with JSON"),
        (b'{"hello": "world"}', "holds JSON that is no response of "),
        (b"3", "holds JSON that is no response"),
        (b"[]", "holds JSON that is no response"),
        (b"null", "holds JSON that is no response"),
        (json.dumps([DECLINED, RESCUED]).encode(), "holds 2 responses; give one"),
    ],
)
def test_a_file_that_is_no_response(tmp_path: Path, body: bytes, why: str) -> None:
    """The error names the file and says why, with exit code 2 and no traceback."""
    file = tmp_path / "strange.txt"
    file.write_bytes(body)
    result = CliRunner().invoke(read, [str(file)])
    assert result.exit_code == 2
    assert f"{file}: " in result.output
    assert why in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(("name", "why"), [("missing.json", "no such file"), ("", "is a directory")])
def test_a_file_that_cannot_be_opened(tmp_path: Path, name: str, why: str) -> None:
    """A missing file and a directory are errors that name them, with exit code 2."""
    result = CliRunner().invoke(read, [str(tmp_path / name)])
    assert result.exit_code == 2
    assert str(tmp_path) in result.output
    assert why in result.output


def test_a_bad_setting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value of OTEL_REFUSALS_STOP_REASONS that cannot be used is an error that names it, with exit code 2."""
    monkeypatch.setenv(STOP_REASONS, "nonsense")
    result = CliRunner().invoke(read, ["-"], input=json.dumps(DECLINED))
    assert result.exit_code == 2
    assert STOP_REASONS in result.output


def test_the_group_has_a_version_and_both_commands() -> None:
    """`otel-refusals --version` and `--help` tell what there is."""
    group = cli.commands()
    assert otel_refusals.__version__ in CliRunner().invoke(group, ["--version"]).output
    assert {"demo", "read"} <= group.commands.keys()


def test_the_console_script(tmp_path: Path) -> None:
    """The installed command reads a file, also where the output cannot show every character."""
    file = tmp_path / "response.json"
    file.write_text(json.dumps(message("policy_hold")), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "from otel_refusals.cli import main; main()", "read", str(file)],
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert b"policy_hold" in done.stdout
    assert done.stderr == b""


def _without(monkeypatch: pytest.MonkeyPatch, absent: str) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *args, **kwargs)

    for module in [name for name in sys.modules if name.startswith("otel_refusals.cli.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", refuse)


@pytest.mark.parametrize("absent", ["click", "rich"])
def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], absent: str) -> None:
    """Without click or rich there is one line that names the extra, and exit code 2."""
    _without(monkeypatch, absent)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "pip install 'otel-refusals[cli]'" in error
    assert error.count("\n") == 1


def test_another_missing_module_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of our own is not passed off as a missing extra."""
    _without(monkeypatch, "dataclasses")
    with pytest.raises(ModuleNotFoundError, match="dataclasses"):
        cli.main()


def test_main_runs_the_command_that_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`main` takes the arguments of the process, and any stream that can or cannot be reconfigured."""
    monkeypatch.setattr(sys, "argv", ["otel-refusals", "--version"])
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert otel_refusals.__version__ in capsys.readouterr().out
