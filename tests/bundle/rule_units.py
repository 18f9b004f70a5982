"""The shipped rules, and unit tests of them on whichever tool runs such tests: promtool or vmalert-tool."""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.bundle.servers import path_of

RULES = Path(__file__).resolve().parents[2] / "alert_rules"
TOOLS = ("promtool", "promtool-2.42", "vmalert-tool")

_PATIENCE = 900
_ALONE = Path(tempfile.gettempdir()) / "otel-refusals-vmalert-tool.lock"
"""vmalert-tool runs its store on one fixed port, so one runs at a time, whatever runs the tests side by side."""

_LABELS = "$labels."


@cache
def groups() -> Mapping[str, tuple[Mapping[str, Any], ...]]:
    """The rule groups of each shipped file."""
    return {path.name: tuple(yaml.safe_load(path.read_text())["groups"]) for path in sorted(RULES.glob("*.rules.yml"))}


@cache
def rules() -> tuple[Mapping[str, Any], ...]:
    """All shipped rules, each with the name of its group."""
    return tuple(
        {**rule, "group": group["name"]} for file in groups().values() for group in file for rule in group["rules"]
    )


@cache
def alerts() -> Mapping[str, Mapping[str, Any]]:
    """The alerts by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def failures(tool: str, document: Mapping[str, Any], home: Path) -> str:
    """What the tool says to a unit test file in promtool's form; empty if all of it holds.

    Args:
        tool: One of `TOOLS`.
        document: The content of the file; its `rule_files` are names of shipped files.
        home: A directory of the test.
    """
    vmalert = tool == "vmalert-tool"
    content = {**document, "rule_files": [str(RULES / Path(name).name) for name in document["rule_files"]]}
    if vmalert:
        content["tests"] = [_for_vmalert(test) for test in document["tests"]]
    path = home / "rules.test.yml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    command = ["unittest", f"--files={path}"] if vmalert else ["test", "rules", str(path)]
    apart = {**os.environ, "TMPDIR": str(home)}
    with _ALONE.open("w") if vmalert else nullcontext() as lock:
        if lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [path_of(tool), *command], capture_output=True, text=True, timeout=_PATIENCE, cwd=home, env=apart
        )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _for_vmalert(test: Mapping[str, Any]) -> dict[str, Any]:
    """vmalert-tool wants an alert's group, labels the alert with it, and has another word for its queries."""
    translated = dict(test)
    if "alert_rule_test" in test:
        translated["alert_rule_test"] = [_with_group(case) for case in test["alert_rule_test"]]
    if "promql_expr_test" in test:
        translated["metricsql_expr_test"] = translated.pop("promql_expr_test")
    return translated


def _with_group(case: Mapping[str, Any]) -> dict[str, Any]:
    group = alerts()[case["alertname"]]["group"]
    expected = [
        {**alert, "exp_labels": {**alert["exp_labels"], "alertgroup": group}} for alert in case.get("exp_alerts") or ()
    ]
    return {**case, "groupname": group, "exp_alerts": expected}


def annotated(name: str, labels: Mapping[str, str], **values: str) -> dict[str, str]:
    """The annotations of an alert with those labels; `values` are its value as each template function writes it."""
    told = dict(alerts()[name]["annotations"])
    for key, text in told.items():
        for label, value in labels.items():
            text = text.replace(f"{{{{ {_LABELS}{label} }}}}", value)  # noqa: PLW2901 (one text, filled step by step)
        for function, value in values.items():
            text = text.replace(f"{{{{ $value | {function} }}}}", value)  # noqa: PLW2901
        told[key] = text
    return told
