"""`otel-refusals scan`: what it prints, and with what it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

from otel_refusals.cli.scan import scan_command
from otel_refusals.scan import RULES
from tests.scan.twins import TWINS

SCHEMA = json.loads((Path(__file__).parent / "sarif-2.1.0.schema.json").read_text())
"""The schema of SARIF 2.1.0, rtm.5."""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A directory with one finding of each kind, in a file whose name wants escaping."""
    file = "the agent, 100%.py"
    (tmp_path / file).write_text("\n".join(dict((rule, bad) for rule, bad, _ in TWINS.values()).values()))  # noqa: C402
    (tmp_path / "broken.py").write_text("def f(:\n")
    return tmp_path


def run(*arguments: object) -> Result:
    """The command, as the shell runs it."""
    return CliRunner().invoke(scan_command, [str(argument) for argument in arguments])


def test_text_says_where_what_why_and_how_to_fix(code: Path) -> None:
    """A line per finding, that editors know; then each rule once."""
    result = run(code)

    assert 1 == result.exit_code
    assert f"{code.as_posix()}/broken.py:1:7: unreadable-file: Not scanned: invalid syntax." in result.output
    for rule in RULES.values():
        assert 1 == result.output.count(f"\n{rule.id}: {rule.why}\n  fix: {rule.fix}")
    assert result.output.endswith("4 findings in 2 files.\n")


def test_json_for_machines(code: Path) -> None:
    """Every key is always there."""
    findings: list[dict[str, Any]] = json.loads(run("--format", "json", code).output)

    assert set(RULES) == {finding["rule"] for finding in findings}
    assert all(set(f) == {"rule", "path", "line", "column", "message", "why", "fix"} for f in findings)


def test_sarif_keeps_to_its_schema(code: Path) -> None:
    """With findings and without, and each result points to its rule."""
    log = json.loads(run("--format", "sarif", code).output)
    empty = json.loads(run("--format", "sarif", code, "--exclude", "*.py").output)
    for each in (log, empty):
        jsonschema.Draft4Validator(SCHEMA).validate(each)
    (sarif,) = log["runs"]

    assert [] == empty["runs"][0]["results"]
    assert 4 == len(sarif["results"])
    for result in sarif["results"]:
        assert result["ruleId"] == sarif["tool"]["driver"]["rules"][result["ruleIndex"]]["id"]
    uris = {result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in sarif["results"]}
    assert any(uri.endswith("/the%20agent%2C%20100%25.py") for uri in uris)


def test_github_annotates(code: Path) -> None:
    """One command per finding, on one line, escaped as GitHub wants it."""
    lines = run("--format", "github", code).output.splitlines()

    assert 4 == len(lines)
    assert 1 == sum(line.startswith("::error file=") for line in lines)
    assert all("the agent%2C 100%25.py,line=" in line for line in lines if line.startswith("::warning "))
    assert all("title=otel-refusals%3A " in line for line in lines)


def test_nothing_found_ends_with_0(tmp_path: Path) -> None:
    """And says so."""
    (tmp_path / "good.py").write_text(TWINS["parsed output"][2])
    result = run(tmp_path)

    assert (0, "No findings.\n") == (result.exit_code, result.output)


def test_rules_are_selected_and_ignored(code: Path) -> None:
    """By their names, several at once or one by one."""

    def rules(*arguments: str) -> set[str]:
        return {finding["rule"] for finding in json.loads(run("--format", "json", code, *arguments).output)}

    assert {"unread-ending", "unread-refusal"} == rules("--select", "unread-ending,unread-refusal")
    assert {"unread-ending"} == rules(
        "--select", "unread-ending", "--select", "unread-refusal", "--ignore", "unread-refusal"
    )
    assert set(RULES) - {"unreadable-file"} == rules("--ignore", "unreadable-file")
    assert 0 == run(code, "--ignore", ",".join(RULES)).exit_code


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Missing argument"),
        (("nowhere.py",), "nowhere.py"),
        ((".", "--select", "no-such-rule"), "'no-such-rule' is no rule; there are refusal-as-answer"),
        ((".", "--format", "xml"), "xml"),
    ],
)
def test_bad_usage_ends_with_2_and_names_what_is_wrong(arguments: tuple[str, ...], says: str) -> None:
    """Never with 1, which says that something was found."""
    result = run(*arguments)

    assert 2 == result.exit_code
    assert says in result.output
