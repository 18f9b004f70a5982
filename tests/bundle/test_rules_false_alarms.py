"""The simulation of false alarms: its numbers are those of the rules, and it says what is promised."""

from __future__ import annotations

import random
import statistics
from itertools import accumulate
from pathlib import Path

import pytest

from benchmarks.false_alarms import (
    ALERTS,
    HOUR,
    Case,
    Count,
    Traffic,
    delays,
    false_alarms,
    firings,
    rate_changed,
    rate_high,
    total,
    wilson_lower,
    within,
    z_score,
)
from tests.bundle.rule_units import alerts, failures

LABELS = {
    "gen_ai_provider_name": "anthropic",
    "gen_ai_request_model": "claude-opus-5",
    "refusal_workload": "triage",
}


def half_day() -> Traffic:
    """Eight hours at 2 %, then four at 12 %: 240 operations an hour, as chance deals them."""
    chance = random.Random(7)
    shares = [0.02] * 8 * HOUR + [0.12] * 4 * HOUR
    return Traffic(Count(sum(chance.random() < share for _ in range(4)), 4) for share in shares)


def series(traffic: Traffic) -> list[dict[str, str]]:
    """The counters of that traffic, once a minute."""
    labels = ", ".join(f'{name}="{value}"' for name, value in LABELS.items())
    refused = accumulate((minute.refused for minute in traffic.minutes), initial=0)
    completed = accumulate((minute.answered - minute.refused for minute in traffic.minutes), initial=0)
    return [
        {
            "series": f'refusal_client_operations_total{{{labels}, refusal_outcome="{outcome}"}}',
            "values": " ".join(map(str, counter)),
        }
        for outcome, counter in (("refused", refused), ("completed", completed))
    ]


def near(expression: str, expected: float, at: int, tolerance: float) -> dict[str, object]:
    """A look at which the expression has that value."""
    query = f"abs(sum by (refusal_workload) ({expression}) - {expected!r}) <= bool {tolerance!r}"
    return {
        "expr": query,
        "eval_time": f"{at}m",
        "exp_samples": [{"labels": '{refusal_workload="triage"}', "value": 1}],
    }


# 2.42 counts a window with both its ends, so a counter seen once a minute loses nothing. Since 3.0 a window is open at
# its left, and increase() puts 60/59 in for the minute that it did not see.
@pytest.mark.parametrize(
    ("tool", "slack"),
    [
        pytest.param("promtool-2.42", 1e-9, marks=pytest.mark.needs("promtool-2.42")),
        pytest.param("promtool", 0.05, marks=pytest.mark.needs("promtool")),
    ],
)
def test_numbers_are_those_of_the_rules(tool: str, slack: float, tmp_path: Path) -> None:
    """Counts, bound and score of the simulation are what the recording rules record."""
    traffic = half_day()
    looks = []
    for at in range(5 * HOUR, 12 * HOUR, 25):
        hour, two, history = traffic.window(at, HOUR), traffic.window(at, 2 * HOUR), traffic.history(at)
        for expression, expected in (
            ('workload_outcome:refusal_operations:count1h{refusal_outcome="refused"}', hour.refused),
            ("workload:refusal_operations_answered:count2h", two.answered),
            ("workload:refusal_operations_answered:baseline7d", history.answered),
            ("workload:refusal_ratio:count2h", two.ratio),
            ("workload:refusal_ratio:baseline7d", history.ratio),
            ("provider_model_workload:refusal_ratio:wilson_lower1h", wilson_lower(hour)),
        ):
            looks.append(near(expression, expected, at, slack * max(expected, 0.02) + 2 * slack))
        looks.append(near("workload:refusal_ratio:zscore2h", z_score(two, history), at, 20 * slack))
    assert failures(tool, document(traffic, {"promql_expr_test": looks}), tmp_path) == ""


@pytest.mark.needs("promtool-2.42")
def test_alerts_are_those_of_the_rules(tmp_path: Path) -> None:
    """Minute by minute, the simulation says that an alert begins to fire when Prometheus does."""
    traffic = half_day()
    looks = []
    for name in ("LLMRefusalRateHigh", "LLMRefusalRateChanged"):
        begins = list(firings(ALERTS[name], traffic, range(12 * HOUR)))
        assert begins, f"{name} never fires in this traffic, so the test would show nothing"
        query = f'count by (alertname) (ALERTS{{alertname="{name}", alertstate="firing"}})'
        fires = [{"labels": f'{{alertname="{name}"}}', "value": 1}]
        for at in begins:
            looks.append({"expr": query, "eval_time": f"{at - 1}m", "exp_samples": []})
            looks.append({"expr": query, "eval_time": f"{at}m", "exp_samples": fires})
    assert failures("promtool-2.42", document(traffic, {"promql_expr_test": looks}), tmp_path) == ""


def document(traffic: Traffic, looks: dict[str, object]) -> dict[str, object]:
    """A unit test file that looks at that traffic."""
    return {
        "rule_files": ["refusals.rules.yml"],
        "evaluation_interval": "1m",
        "group_eval_order": ["refusal-now", "refusal-rates", "refusal-kinds", "refusal-fallbacks"],
        "tests": [{"interval": "1m", "input_series": series(traffic), **looks}],
    }


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_waits_are_those_of_the_rules(name: str) -> None:
    """`for` and `keep_firing_for` of the simulation are those of the rules file."""
    minutes = {"5m": 5, "10m": 10, "15m": 15, "1h": 60}
    rule = alerts()[name]
    assert (minutes[rule["for"]], minutes[rule["keep_firing_for"]]) == (ALERTS[name].waits, ALERTS[name].keeps)


def test_false_alarms_are_few() -> None:
    """Fewer than two in 30 days at 50 calls an hour of which 3 % are refused, over all rate alerts."""
    assert total(false_alarms(Case(50, 0.03), runs=12, seed=1)) < 2


def test_a_small_change_is_caught() -> None:
    """From 0.2 % to 1 % at 500 calls an hour: within two hours as a rule, that is in most runs and at the median."""
    found = delays(Case(500, 0.002, 0.01), runs=40, seed=1)
    assert statistics.median(found) <= 2 * HOUR
    assert within(found, 2 * HOUR) > 0.5


def test_a_large_change_is_caught_always() -> None:
    """From 0.2 % to 2 % at 500 calls an hour: within two hours in every run."""
    assert within(delays(Case(500, 0.002, 0.02), runs=20, seed=1), 2 * HOUR) == 1


def test_judgement() -> None:
    """One of three is no alarm, 30 of 60 is; 40 % that stays 40 % is no change, 0.2 % that becomes 1 % is."""
    assert not rate_high(Traffic([Count(1, 3)]), 1)
    assert rate_high(Traffic([Count(30, 60)]), 1)
    steady = Traffic([Count(4, 10)] * 600)
    assert not rate_changed(steady, 600)
    jump = Traffic([Count(2, 1000)] * 480 + [Count(10, 1000)] * 120)
    assert rate_changed(jump, 600)
