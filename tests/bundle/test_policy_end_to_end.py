"""The silent drop, from a service that handles refusals by policy to the alert, in a real Prometheus.

The service is the example itself under `opentelemetry-instrument`, against the demo's vendor endpoint. Rules are those
that ship, evaluated every second, and the alert waits for five seconds instead of ten minutes.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from otel_refusals.demo.application import application, prometheus_on
from otel_refusals.demo.endpoint import VendorEndpoint
from tests.bundle.rule_units import RULES
from tests.bundle.scraped import prometheus
from tests.bundle.servers import free_port, until
from tests.bundle.stack import Prometheus

EXAMPLE = Path(__file__).parents[2] / "examples" / "policy"
ALERT = "RefusalsWithoutDisposition"
UNDISPOSED = 'workload:refusal_undisposed:count1h{refusal_workload="security-review"}'
FIRING = f'ALERTS{{alertname="{ALERT}", alertstate="firing", refusal_workload="security-review"}}'
DECISION = "decision = POLICY.decide(outcome_of(message))"
QUESTIONS = ["Review exploits/poc_check.py", "Review parsers/archive.py", "Review the importer", "Do the licence check"]
"""Declined before output, declined after some, answered, and ended for a reason that nobody knows."""


@contextmanager
def service(code: Path, vendor: str, log: Path, metrics: int) -> Iterator[str]:
    """The service of that directory; its address, once it is scraped."""
    port = free_port()
    command = (sys.executable, str(code / "service.py"), str(port))
    with application(command, vendor, prometheus_on(metrics), log) as process:
        url = f"http://127.0.0.1:{port}"
        until(lambda: "Traceback" in process.said or _answers(url), "the service")
        assert "Traceback" not in process.said, process.last_words
        yield url


def _answers(url: str) -> bool:
    try:
        ask(url, "Are you there?")
    except OSError:
        return False
    return True


def ask(url: str, question: str) -> str:
    """What the service answers."""
    request = urllib.request.Request(url, json.dumps({"question": question}).encode())
    with urllib.request.urlopen(request, timeout=20) as response:
        return str(json.load(response)["answer"])


def quick_rules(home: Path) -> Path:
    """The shipped rules, every second, with the alert's wait cut short."""
    text = (RULES / "refusals.rules.yml").read_text().replace("interval: 1m", "interval: 1s")
    head, tail = text.split(f"- alert: {ALERT}\n")
    path = home / "refusals.rules.yml"
    path.write_text(f"{head}- alert: {ALERT}\n" + re.sub(r"for: 10m", "for: 5s", tail, count=1))
    return path


@pytest.mark.needs("prometheus")
def test_a_service_that_no_longer_asks_its_policy_is_told(tmp_path: Path) -> None:
    """While it decides by policy nothing fires; a version that does not ask the policy makes the alert fire."""
    lost = tmp_path / "lost"
    shutil.copytree(EXAMPLE, lost)
    recipe = lost / "anthropic_by_policy.py"
    assert 2 == recipe.read_text().count(DECISION)
    recipe.write_text(recipe.read_text().replace(DECISION, "decision = None"))
    ports = free_port(), free_port()
    targets = [f"127.0.0.1:{port}" for port in ports]

    with (
        VendorEndpoint() as vendor,
        service(EXAMPLE, vendor.url, tmp_path / "kept.log", ports[0]) as kept,
        prometheus("prometheus", tmp_path / "prometheus", targets[0], [quick_rules(tmp_path)], targets[1:]) as url,
    ):
        store = Prometheus(url)
        told = [ask(kept, question) for question in QUESTIONS]
        assert told[0].startswith("I read the file")  # by the fallback model
        assert "a person" in told[3]
        until(lambda: store.value("workload:refusal_operations_declined:count1h") == 3, "the refusals to be counted")
        until(lambda: store.value("sum(workload_disposition:refusal_dispositions:count1h)") == 3, "their dispositions")
        rounds = f"count_over_time({UNDISPOSED}[1m])"
        before = store.value(rounds)
        until(lambda: store.value(rounds) >= before + 10, "ten rounds more")
        assert store.value(UNDISPOSED) == 0
        assert store.query(f"max_over_time({FIRING}[10m])") == []

        with service(lost, vendor.url, tmp_path / "lost.log", ports[1]) as broken:
            assert ask(broken, QUESTIONS[0]) == ""
            until(lambda: store.query(FIRING), "the alert")
        assert store.value(UNDISPOSED) == 1
