"""From a call that is declined to the page, over every real part: the application under `opentelemetry-instrument`, by
scrape or through the Collector, Prometheus with our rules, Alertmanager with our routes, a webhook.

What is put in place of the shipped files, and nothing else is, says `tests.bundle.stack`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
import yaml

from tests.bundle.chain import Chain, linked
from tests.bundle.stack import rule_files

FIRST_PAGE = 10.0
"""Seconds that the first unknown stop reason ever may take to the webhook."""

LATER = 90.0
"""Seconds for what is grouped first. What fires before Prometheus has found Alertmanager is told again in a minute."""

pytestmark = pytest.mark.needs("prometheus", "promtool", "alertmanager")


@pytest.fixture(scope="module", params=["scrape", pytest.param("otlp", marks=pytest.mark.needs("otelcol", "jaeger"))])
def chain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """The chain over either path."""
    with linked(request.param, tmp_path_factory.mktemp(request.param)) as chain:
        yield chain


def test_the_first_unknown_stop_reason_ever_pages_within_ten_seconds(
    chain: Chain, measured: Callable[[str], None]
) -> None:
    """From the call to the webhook, with provider, model, workload and the value."""
    began = time.monotonic()
    chain.checkout.ask("unknown")
    page = chain.alerts.wait_for("LLMUnknownStopReason", FIRST_PAGE)
    seconds = time.monotonic() - began

    path = "through the Collector" if chain.collector else "by scrape"
    measured(f"first unknown stop reason ever, from the call to the webhook, {path}: {seconds:.1f} s")
    assert seconds < FIRST_PAGE
    assert "critical" == page.labels["severity"]
    named = ("gen_ai_provider_name", "gen_ai_request_model", "refusal_workload", "refusal_signal")
    assert ["anthropic", "claude-x", "checkout", "brand_new_reason"] == [page.labels[label] for label in named]
    for value in ("anthropic", "claude-x", "checkout", "brand_new_reason"):
        assert value in page.annotations["description"]


def test_a_high_refusal_rate_is_told(chain: Chain) -> None:
    """With the workload and the share in words."""
    alert = chain.alerts.wait_for("LLMRefusalRateHigh", LATER, refusal_workload="checkout")

    assert "%" in alert.annotations["description"]
    assert alert.annotations["runbook_url"].endswith("/LLMRefusalRateHigh.md")
    assert "var-workload=checkout" in alert.annotations["dashboard_url"]


def test_where_nearly_everything_is_refused_that_alone_is_told(chain: Chain) -> None:
    """The alert on the rate fires as well, but Alertmanager keeps it back."""
    chain.alerts.wait_for("LLMNearlyEverythingRefused", LATER, refusal_workload="meltdown")
    chain.alerts.wait_for("LLMRefusalRateHigh", LATER, refusal_workload="checkout")

    firing = chain.prometheus.query('ALERTS{alertname="LLMRefusalRateHigh",alertstate="firing"}')
    assert {"checkout", "meltdown"} == {series["metric"]["refusal_workload"] for series in firing}
    told = {(alert.name, alert.labels.get("refusal_workload")) for alert in chain.alerts.told}
    assert ("LLMRefusalRateHigh", "meltdown") not in told


def test_a_workload_that_fell_silent_is_told(chain: Chain) -> None:
    """Of which something was heard today, but nothing for a quarter of an hour."""
    chain.alerts.wait_for("LLMRefusalTelemetryAbsent", LATER, refusal_workload="nightly")


def test_the_watchdog_has_a_way_of_its_own(chain: Chain) -> None:
    """Its heartbeat goes to the outside checker and to nobody else."""
    chain.watchdog.wait_for("LLMRefusalWatchdog", LATER)

    assert {"LLMRefusalWatchdog"} == {alert.name for alert in chain.watchdog.told}
    assert "LLMRefusalWatchdog" not in {alert.name for alert in chain.alerts.told}


def test_the_stack_has_nothing_to_say_about_itself(chain: Chain) -> None:
    """In a healthy stack no alert on the pipeline fires, but the heartbeat."""
    (pipeline,) = (yaml.safe_load(path.read_text()) for path in rule_files() if path.name == "pipeline.rules.yml")
    names = {rule["alert"] for group in pipeline["groups"] for rule in group["rules"] if "alert" in rule}
    chain.watchdog.wait_for("LLMRefusalWatchdog", LATER)

    firing = {series["metric"]["alertname"] for series in chain.prometheus.query('ALERTS{alertstate="firing"}')}
    assert {"LLMRefusalWatchdog"} == names & firing
