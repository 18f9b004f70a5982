"""The runbooks: one form, and no query in them that does not run."""

from __future__ import annotations

import re
import subprocess
import textwrap
from pathlib import Path

import pytest
import yaml

from tests.bundle.promql import strangers
from tests.bundle.rule_units import RULES, alerts, rules
from tests.bundle.servers import path_of

RECORDED = {rule["record"] for rule in rules() if "record" in rule}
RUNBOOKS = {path.stem: path.read_text() for path in sorted((RULES / "runbooks").glob("*.md"))}
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]

each_runbook = pytest.mark.parametrize("alert", sorted(RUNBOOKS))


def queries(alert: str) -> list[str]:
    """The PromQL blocks of a runbook."""
    blocks = re.findall(r"^ *```promql\n(.*?)^ *```$", RUNBOOKS[alert], re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(block) for block in blocks]


@each_runbook
def test_form(alert: str) -> None:
    """A runbook is titled by its alert and says what it means, what it does, how to find out and what to do."""
    assert RUNBOOKS[alert].startswith(f"# {alert}\n")
    assert re.findall(r"^## (.+)$", RUNBOOKS[alert], re.MULTILINE) == SECTIONS
    assert all(len(section.split()) > 10 for section in re.split(r"^## .+$", RUNBOOKS[alert], flags=re.MULTILINE)[1:])


@each_runbook
def test_other_alerts_exist(alert: str) -> None:
    """An alert that a runbook speaks of exists."""
    assert set(re.findall(r"\b(?:LLM[A-Z]|Refusals[A-Z])\w+", RUNBOOKS[alert])) <= set(alerts())


@each_runbook
def test_names_exist(alert: str) -> None:
    """Every metric and label in a runbook's queries exists, and there is at least one query."""
    assert queries(alert)
    assert [found for query in queries(alert) for found in strangers(query, RECORDED)] == []


@pytest.mark.parametrize("tool", [pytest.param(t, marks=pytest.mark.needs(t)) for t in ("promtool", "promtool-2.42")])
def test_queries_run(tool: str, tmp_path: Path) -> None:
    """Every query of every runbook is PromQL, for the oldest and the newest Prometheus."""
    written = [
        {"record": f"runbook:{alert}:query{place}", "expr": query}
        for alert in RUNBOOKS
        for place, query in enumerate(queries(alert))
    ]
    assert len(written) > 50
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "runbooks", "rules": written}]}))
    done = subprocess.run([path_of(tool), "check", "rules", path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_misspelling_is_found() -> None:
    """The check of names is not blind: neither to a metric, nor to a label, nor to one that is grouped by."""
    assert strangers("sum(refusal_client_operation_total)", RECORDED) == ["refusal_client_operation_total"]
    assert strangers('refusal_client_refusals_total{stage="x"}', RECORDED) == ["refusal_client_refusals_total{stage}"]
    assert strangers("sum by (model) (refusal_client_operations_total)", RECORDED) == ["model"]
    assert strangers('workload:refusal_ratio:count2h{gen_ai_request_model="x"}', RECORDED)
