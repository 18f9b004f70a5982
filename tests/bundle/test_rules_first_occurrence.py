"""An unknown stop reason pages on its very first occurrence, whatever happens to the process or the store meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tests.bundle.rule_units import TOOLS, annotated, failures

ALERT = "LLMUnknownStopReason"
WHAT = {
    "gen_ai_provider_name": "anthropic",
    "gen_ai_request_model": "claude-opus-5",
    "refusal_workload": "triage",
    "refusal_signal": "new_value",
}

each_tool = pytest.mark.parametrize("tool", [pytest.param(tool, marks=pytest.mark.needs(tool)) for tool in TOOLS])


@dataclass(frozen=True)
class Scenario:
    """What becomes of the gauge, every 30 s from time zero, and when the page is out.

    Args:
        story: What happens.
        pods: The gauge of each process; its values are the time of the last event, in seconds.
        pages: The time of the event that is paged, by the time looked at.
        silent: The times at which no page may be out.
    """

    story: str
    pods: tuple[str, ...]
    pages: dict[str, int]
    silent: tuple[str, ...]


SCENARIOS = (
    Scenario("first event of a new process", ("_x60 1800x120",), {"31m": 1800, "44m": 1800}, ("29m", "46m", "80m")),
    Scenario(
        "a second one ten minutes on", ("_x60 1800x19 2400x100",), {"31m": 1800, "41m": 2400, "54m": 2400}, ("56m",)
    ),
    Scenario(
        "one a minute for half an hour",
        ("_x60 " + " ".join(f"{1800 + 60 * i}x1" for i in range(30)) + " 3540x60",),
        {"31m": 1860, "45m": 2700, "58m30s": 3480},
        ("75m",),
    ),
    Scenario(
        "restart with a gap of 10 minutes", ("600x60 stale _x19 2400x100",), {"41m": 2400, "54m": 2400}, ("35m", "57m")
    ),
    Scenario(
        "restart with a gap of 17 minutes", ("600x60 stale _x33 2820x100",), {"48m": 2820, "61m": 2820}, ("45m", "64m")
    ),
    Scenario("restart without a gap", ("600x59 1800x120",), {"31m": 1800}, ("29m", "50m")),
    Scenario("the scrape that should have seen it fails", ("_x60 _ 1800x120",), {"32m": 1800}, ("30m", "50m")),
    Scenario(
        "an event within an outage of 30 minutes",
        ("600x60 stale _x59 2700x100",),
        {"61m": 2700, "74m": 2700},
        ("50m", "77m"),
    ),
    Scenario("first event, told an hour late", ("_x180 1800x60",), {"91m": 1800, "104m": 1800}, ("89m", "107m")),
    Scenario("short job, seen twice", ("_x60 1800 1800 stale",), {"31m": 1800, "44m": 1800}, ("50m",)),
    Scenario("short job, seen once", ("_x60 1800 stale",), {"31m": 1800, "44m": 1800}, ("50m",)),
    Scenario("first event in one pod of two", ("600x200", "_x60 1800x120"), {"31m": 1800}, ("29m", "50m")),
    Scenario(
        "one pod goes, the other has it", ("600x60 stale", "_x60 1800x120"), {"31m": 1800, "40m": 1800}, ("29m", "50m")
    ),
    Scenario("a clock that is 20 minutes slow", ("_x60 600x120",), {"31m": 600, "44m": 600}, ("29m", "50m")),
    Scenario("a clock that is two hours fast", ("_x60 9000x120",), {"31m": 9000, "44m": 9000}, ("29m", "50m")),
    Scenario("nothing happens", (), {}, ("1m", "30m", "60m")),
    Scenario("an old event, a failed scrape", ("600x60 stale 600x100",), {}, ("29m", "31m", "45m30s", "46m")),
    Scenario("an old event, an outage of 12 minutes", ("600x60 stale _x23 600x100",), {}, ("29m", "43m", "50m", "58m")),
    Scenario("an old event, an outage of 30 minutes", ("600x60 stale _x59 600x100",), {}, ("29m", "61m", "70m", "80m")),
    Scenario("an old event, a pod that takes it over", ("600x100 stale", "_x90 600x100"), {}, ("46m", "52m", "70m")),
    Scenario("an event of two days ago, in a new store", ("-172800x100",), {}, ("1m", "20m", "40m")),
)


def _expected(event: int) -> dict[str, dict[str, str]]:
    said = datetime.fromtimestamp(event, timezone.utc).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
    told = annotated(ALERT, WHAT, humanizeTimestamp=said)
    return {"exp_labels": {**WHAT, "severity": "critical"}, "exp_annotations": told}


def _looks(scenario: Scenario) -> list[dict[str, object]]:
    pages = [{"eval_time": at, "alertname": ALERT, "exp_alerts": [_expected(t)]} for at, t in scenario.pages.items()]
    return [*pages, *({"eval_time": at, "alertname": ALERT} for at in scenario.silent)]


@each_tool
def test_first_occurrence(tool: str, tmp_path: Path) -> None:
    """None is missed, and none is paged where there is no event: over all scenarios, naming what it is about."""
    labels = ", ".join(f'{name}="{value}"' for name, value in WHAT.items())
    gauge = f"refusal_client_unknown_stop_reason_last_seen_seconds{{{labels}, instance="
    tests = [
        {
            "name": scenario.story,
            "interval": "30s",
            "input_series": [
                {"series": f'{gauge}"{pod}"}}', "values": values} for pod, values in enumerate(scenario.pods)
            ],
            "alert_rule_test": _looks(scenario),
        }
        for scenario in SCENARIOS
    ]
    document = {"rule_files": ["refusals.rules.yml"], "evaluation_interval": "30s", "tests": tests}
    assert failures(tool, document, tmp_path) == ""


@each_tool
def test_matrix_can_fail(tool: str, tmp_path: Path) -> None:
    """The matrix is not blind: with a page expected where there is none, it says so."""
    test = {
        "interval": "30s",
        "input_series": [],
        "alert_rule_test": [{"eval_time": "1m", "alertname": ALERT, "exp_alerts": [_expected(60)]}],
    }
    document = {"rule_files": ["refusals.rules.yml"], "evaluation_interval": "30s", "tests": [test]}
    assert ALERT in failures(tool, document, tmp_path)
