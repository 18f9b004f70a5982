"""The tables of the versions are made from the project's own bounds, and are up to date."""

from __future__ import annotations

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from otel_refusals.vendors import VENDORS as TABLES
from tests.version_table import PAGE, PROJECT, TOX, VENDORS, written


def test_the_tables_are_those_of_the_project() -> None:
    """`python -m tests.version_table` writes them anew."""
    assert PAGE.read_text() == written(PAGE.read_text())


def test_the_bounds_are_the_same_wherever_they_are_written() -> None:
    """In the extras, in what OpenTelemetry's loader reads, and in the tables of the vendors, which decide."""
    decides = {name(table.requires): bounds(table.requires) for table in TABLES}
    extras = PROJECT["project"]["optional-dependencies"]

    assert decides == {name(line): bounds(line) for line in VENDORS}
    assert decides == {name(line): bounds(line) for vendor in decides for line in extras[vendor]}


def test_every_supported_package_is_tested_at_its_lowest() -> None:
    """All in one environment, but LiteLLM: it cannot live with the lowest openai."""
    lowest = {word for command in TOX["env"]["lowest"]["commands"] for word in command if isinstance(word, str)}

    assert {"litellm"} == {name(line) for line in VENDORS} - lowest
    assert f"litellm=={lower('litellm')}.0" in TOX["env"]["lowest-litellm"]["deps"]
    assert ["python", "-m", "tests.lowest"] in TOX["env"]["lowest-core"]["commands"]


def test_every_environment_is_in_a_target() -> None:
    """Of the Makefile: an environment that no command runs tests nothing."""
    assert set(TOX["labels"]["ci"]) | set(TOX["labels"]["more"]) == set(TOX["env_list"])
    assert set(TOX["env_list"]) | {"frameworks", "peers"} == set(TOX["env"])


def name(requirement: str) -> str:
    return Requirement(requirement).name


def bounds(requirement: str) -> SpecifierSet:
    return Requirement(requirement).specifier


def lower(vendor: str) -> str:
    return next(one.version for line in VENDORS if name(line) == vendor for one in bounds(line) if one.operator == ">=")
