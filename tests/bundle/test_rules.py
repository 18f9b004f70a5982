"""The rules: unit tests on every tool, lint, and what every rule and alert must have."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import promql_parser
import pytest
import yaml

from tests.bundle.promql import levels, parsed, read_by, selectors, strangers
from tests.bundle.rule_units import RULES, TOOLS, alerts, failures, groups, rules
from tests.bundle.servers import path_of

UNITS = sorted(path.name for path in (RULES / "tests").glob("*.test.yml"))
RECORDED = {rule["record"] for rule in rules() if "record" in rule}
SET_BY_USERS = {
    "workload:refusal_ratio_threshold:override",
    "workload:refusal_budget_ratio:override",
    "workload:refusal_telemetry_intermittent:bool",
}
SEVERITIES = {"critical", "warning", "info", "none"}

each_tool = pytest.mark.parametrize("tool", [pytest.param(tool, marks=pytest.mark.needs(tool)) for tool in TOOLS])
each_alert = pytest.mark.parametrize("alert", sorted(alerts()))
each_rule = pytest.mark.parametrize("rule", rules(), ids=[str(rule.get("alert") or rule["record"]) for rule in rules()])


def cases(alert: str) -> list[dict[str, object]]:
    """The looks that the unit tests take at an alert."""
    documents = (yaml.safe_load((RULES / "tests" / name).read_text()) for name in UNITS)
    looks = (look for document in documents for test in document["tests"] for look in test.get("alert_rule_test", ()))
    return [look for look in looks if look["alertname"] == alert]


@each_tool
@pytest.mark.parametrize("unit", UNITS)
def test_units(unit: str, tool: str, tmp_path: Path) -> None:
    """Each alert fires when it must, stays silent when it must, and says what it should: on every tool."""
    assert failures(tool, yaml.safe_load((RULES / "tests" / unit).read_text()), tmp_path) == ""


@each_alert
def test_alert_is_tested(alert: str) -> None:
    """Each alert has a case in which it fires, with its whole text, and one in which it is silent: not the watchdog."""
    fires = [case["exp_alerts"] for case in cases(alert) if case.get("exp_alerts")]
    assert fires
    assert all(set(told["exp_annotations"]) == set(alerts()[alert]["annotations"]) for case in fires for told in case)
    assert alert == "LLMRefusalWatchdog" or [case for case in cases(alert) if not case.get("exp_alerts")]


def test_runbook_per_alert() -> None:
    """There is a runbook for every alert and for nothing else."""
    assert sorted(alerts()) == sorted(path.stem for path in (RULES / "runbooks").glob("*.md"))


@each_alert
def test_alert_says_what_to_do(alert: str) -> None:
    """A known severity, a chosen `for`, a summary, a description, links to its own runbook and a dashboard."""
    rule = alerts()[alert]
    assert rule["labels"]["severity"] in SEVERITIES
    assert re.fullmatch(r"\d+[mh]", rule["for"])
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert rule["annotations"]["runbook_url"].endswith(f"/alert_rules/runbooks/{alert}.md")
    assert re.match(r"/d/otel-refusals-(overview|workload|pipeline)\b", rule["annotations"]["dashboard_url"])


@pytest.mark.parametrize("name", sorted(groups()))
def test_for_is_chosen_on_purpose(name: str) -> None:
    """Each `for` and `keep_firing_for` has a reason beside it."""
    lines = [line for line in (RULES / name).read_text().splitlines() if re.match(r" +(keep_firing_)?for:", line)]
    assert lines
    assert [line for line in lines if " # " not in line] == []


@each_rule
def test_names_exist(rule: dict[str, str]) -> None:
    """Every metric and label that a rule reads is ours, recorded by a rule, set by users, or of a known program."""
    assert strangers(rule["expr"], RECORDED | SET_BY_USERS) == []


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_recorded_name(name: str) -> None:
    """A recorded series is named level:metric:operations, and its level is made of words that stand for labels."""
    assert re.fullmatch(r"[a-z_]+:refusal_[a-z_]+:[a-z0-9_]+", name)
    assert levels(name)


def test_settings_of_users() -> None:
    """The file that the README shows has rules for all that the rules let users set, and for nothing else."""
    (shown,) = re.findall(r"```yaml\n(.*?)```", (RULES / "README.md").read_text(), re.DOTALL)
    settings = [rule for group in yaml.safe_load(shown)["groups"] for rule in group["rules"]]
    assert {rule["record"] for rule in settings} == SET_BY_USERS
    assert {name for rule in rules() for name in read_by(rule["expr"])} >= SET_BY_USERS
    assert all(set(rule["labels"]) == {"refusal_workload"} for rule in settings)


def test_readme_lists_the_alerts() -> None:
    """The README's table has every alert with its severity."""
    rows = re.findall(r"^\| (`[A-Z]\w+`.*?) \| ([a-z, ]+) \|", (RULES / "README.md").read_text(), re.MULTILINE)
    listed = {
        name: severity.split(", ")[min(place, severity.count(", "))]
        for names, severity in rows
        for place, name in enumerate(re.findall(r"`(\w+)`", names))
    }
    assert listed == {name: alert["labels"]["severity"] for name, alert in alerts().items()}


@each_rule
def test_written_in_one_form(rule: dict[str, str]) -> None:
    """Aggregations say `by` and matches say `on`, so that another label can be put in by machine."""
    for node in parsed(rule["expr"]):
        if isinstance(node, promql_parser.AggregateExpr):
            assert node.modifier is not None
            assert str(node.modifier.type).endswith("By")
        elif isinstance(node, promql_parser.BinaryExpr) and node.modifier and node.modifier.matching:
            assert str(node.modifier.matching.type).endswith("Include")
    assert "ignoring" not in rule["expr"]
    assert "without" not in rule["expr"]


@each_rule
def test_of_one_telemetry(rule: dict[str, str]) -> None:
    """Nothing is selected by a label that scraped and OTLP metrics do not share."""
    ours = [selector for selector in selectors(rule["expr"]) if (selector.name or "").startswith("refusal_")]
    matched = {matcher.name for selector in ours for matcher in selector.matchers.matchers}
    assert not {label for label in matched if label.startswith(("otel_", "service_", "job", "instance"))}


@pytest.mark.parametrize("name", sorted(groups()))
def test_groups_load_everywhere(name: str) -> None:
    """Groups of at most twenty rules, Mimir's default, with keys that Prometheus 2.42 and vmalert know."""
    for group in groups()[name]:
        assert len(group["rules"]) <= 20
        assert set(group) <= {"name", "interval", "rules"}
        assert {key for rule in group["rules"] for key in rule} <= {
            *("alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"),
        }


def test_no_two_groups_of_a_name() -> None:
    """A group's name is its own over all files: Mimir and the exports put them in one place."""
    names = [group["name"] for file in groups().values() for group in file]
    assert sorted(set(names)) == sorted(names)


def test_recorded_series_are_read() -> None:
    """Nothing is recorded that no rule reads: a panel reads what an alert does."""
    read = {name for rule in rules() for name in read_by(rule["expr"])}
    assert {name for name in RECORDED if not any(re.fullmatch(pattern, name) for pattern in read)} == set()


@pytest.mark.parametrize("tool", [pytest.param(t, marks=pytest.mark.needs(t)) for t in ("promtool", "promtool-2.42")])
def test_check_rules(tool: str) -> None:
    """Promtool finds nothing wrong with any file."""
    files = [str(RULES / name) for name in groups()]
    done = subprocess.run([path_of(tool), "check", "rules", *files], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("pint")
def test_pint() -> None:
    """Pint finds nothing worth a word, with what `.pint.hcl` asks of every alert."""
    command = [path_of("pint"), "--no-color", "--offline", "lint", "--min-severity=info", "--fail-on=info", RULES.name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=RULES.parent)
    assert done.returncode == 0, done.stdout + done.stderr
