"""The registry, the names module, the documentation and what is emitted say the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from otel_refusals import names
from otel_refusals.outcome import Category, Outcome, Source, Stage

ROOT = Path(__file__).parent.parent
OURS = {
    value
    for name, value in vars(names).items()
    if name.isupper() and isinstance(value, str) and value.startswith("refusal.")
}
EVENTS = {names.REFUSAL_DETECTED, names.UNKNOWN_STOP_REASON}


@pytest.fixture(scope="module")
def registry() -> dict[str, Any]:
    """The registry's one definition file."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docs/telemetry/registry/refusal.yaml").read_text())
    return loaded


def test_the_registry_defines_every_attribute_of_ours_and_no_other(registry: dict[str, Any]) -> None:
    """Official ones are only referred to."""
    assert OURS - EVENTS == {attribute["key"] for attribute in registry["attributes"]}


def test_the_registry_defines_every_metric_as_the_code_does(registry: dict[str, Any]) -> None:
    """Name, instrument, unit, sentence and attributes."""
    defined = {
        metric["name"]: (
            metric["instrument"],
            metric["unit"],
            metric["brief"],
            tuple(ref["ref"] for ref in metric["attributes"]),
        )
        for metric in registry["metrics"]
    }

    assert {m.name: (m.instrument, m.unit, m.brief, m.attributes) for m in names.METRICS} == defined


def test_the_registry_defines_every_event(registry: dict[str, Any]) -> None:
    """By name."""
    assert {event["name"] for event in registry["events"]} == EVENTS


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (names.CATEGORY, get_args(Category)),
        (names.STAGE, get_args(Stage)),
        (names.SOURCE, get_args(Source)),
        (names.OUTCOME, [kind.outcome for kind in get_args(Outcome)]),
    ],
)
def test_a_closed_set_has_the_members_of_the_code(key: str, words: list[str], registry: dict[str, Any]) -> None:
    """In the registry as in the outcome types."""
    (attribute,) = [found for found in registry["attributes"] if found["key"] == key]

    assert set(words) == {member["value"] for member in attribute["type"]["members"]}


def test_names_follow_the_rules_of_the_conventions(registry: dict[str, Any]) -> None:
    """Dotted snake case under our own namespace; no name is the prefix of another; sentences end with a period."""
    everything = [a["key"] for a in registry["attributes"]] + [m["name"] for m in registry["metrics"]] + sorted(EVENTS)

    assert all(re.fullmatch(r"refusal(\.[a-z][a-z0-9_]*)+", name) for name in everything)
    assert not [(a, b) for a in everything for b in everything if b.startswith(f"{a}.")]
    assert len({name.replace(".", "_") for name in everything}) == len(everything)
    assert all(entry["brief"].endswith(".") for kind in ("attributes", "metrics", "events") for entry in registry[kind])


def test_the_documentation_names_every_name_and_none_that_does_not_exist() -> None:
    """The telemetry page, and the README as far as it goes."""
    page = (ROOT / "docs/telemetry/README.md").read_text()
    known = OURS | {metric.name for metric in names.METRICS}
    mentioned = set(re.findall(r"`(refusal\.[a-z_.]+)`", page))

    assert known - {names.VENDOR, names.DISPOSITION} <= mentioned
    readme = set(re.findall(r"`(refusal\.[a-z_.]+)`", (ROOT / "README.md").read_text()))
    assert set() == (mentioned | readme) - known


def test_the_documentation_gives_the_prometheus_name_of_every_metric() -> None:
    """As OTLP to Prometheus translates it."""
    page = (ROOT / "docs/telemetry/README.md").read_text()
    for metric in names.METRICS:
        suffix = {"counter": "_total", "gauge": "_seconds", "histogram": "_seconds"}[metric.instrument]

        assert f"`{metric.name.replace('.', '_')}{suffix}`" in page


def test_no_other_module_spells_a_name() -> None:
    """A telemetry name is a literal in one place only."""
    for source in (ROOT / "otel_refusals").rglob("*.py"):
        if source.name == "names.py" or {"demo", "cli", "testing"} & set(source.parts):
            continue
        spelled = re.findall(r"[\"'](?:refusal|gen_ai)\.[a-z_.]+[\"']", source.read_text())

        assert [] == spelled, source.name
