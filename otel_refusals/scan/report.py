"""Findings as text for a person, as JSON, as SARIF 2.1.0, and as the commands by which GitHub annotates a change."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Literal
from urllib.parse import quote

from otel_refusals._version import __version__
from otel_refusals.scan.rules import RULES, Finding

Format = Literal["text", "json", "sarif", "github"]

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def as_text(findings: Sequence[Finding]) -> str:
    """One line per finding, and what to do about each kind of them at the end."""
    lines = [f"{f.path}:{f.line}:{f.column}: {f.rule}: {f.message}" for f in findings]
    for rule in RULES.values():
        if any(finding.rule == rule.id for finding in findings):
            lines += ["", f"{rule.id}: {rule.why}", f"  fix: {rule.fix}"]
    files = len({finding.path for finding in findings})
    many = f"{len(findings)} findings in {files} files" if findings else "No findings"
    return "\n".join([*lines, *([""] if lines else []), f"{many}."])


def as_json(findings: Sequence[Finding]) -> str:
    """A list of findings, each with why and fix."""
    return json.dumps(
        [
            {
                "rule": f.rule,
                "path": f.path,
                "line": f.line,
                "column": f.column,
                "message": f.message,
                "why": f.why,
                "fix": f.fix,
            }
            for f in findings
        ],
        indent=2,
    )


def as_sarif(findings: Sequence[Finding]) -> str:
    """A SARIF log with one run. A file that cannot be parsed is an error, everything else a warning."""
    ids = list(RULES)
    driver: dict[str, Any] = {
        "name": "otel-refusals",
        "semanticVersion": __version__,
        "rules": [
            {
                "id": rule.id,
                "shortDescription": {"text": rule.summary},
                "fullDescription": {"text": rule.why},
                "help": {"text": rule.fix},
                "defaultConfiguration": {"level": _level(rule.id)},
            }
            for rule in RULES.values()
        ],
    }
    results = [
        {
            "ruleId": f.rule,
            "ruleIndex": ids.index(f.rule),
            "level": _level(f.rule),
            "message": {"text": f"{f.message} {f.fix}"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": quote(f.path)},
                        "region": {"startLine": f.line, "startColumn": f.column},
                    }
                }
            ],
        }
        for f in findings
    ]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _level(rule: str) -> str:
    return "error" if rule == "unreadable-file" else "warning"


def as_github(findings: Sequence[Finding]) -> str:
    """One workflow command per finding."""
    return "\n".join(
        f"::{_level(f.rule)} file={_property(f.path)},line={f.line},col={f.column},"
        f"title={_property(f'otel-refusals: {f.rule}')}::{_data(f'{f.message} {f.fix}')}"
        for f in findings
    )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


FORMATS: dict[Format, Callable[[Sequence[Finding]], str]] = {
    "text": as_text,
    "json": as_json,
    "sarif": as_sarif,
    "github": as_github,
}
