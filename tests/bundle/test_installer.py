"""`.ci/servers`: it installs what the compose file runs, and what it cannot install it names."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.bundle.servers import PROGRAMS, path_of

ROOT = Path(__file__).parents[2]
STACK = ROOT / "otel_refusals" / "bundle" / "stack"
COMPOSE = ROOT / "docker-compose.observability.yml"
INSTALLER = ROOT / ".ci" / "servers"
MANIFEST = ROOT / ".ci" / "otelcol-builder.yaml"
KINDS = {"receivers": "receiver", "processors": "processor", "exporters": "exporter", "extensions": "extension"}


def test_the_collector_is_built_of_what_its_configuration_names() -> None:
    """No part is missing, and none is tested that the stack does not use."""
    config, manifest = yaml.safe_load((STACK / "collector.yaml").read_text()), yaml.safe_load(MANIFEST.read_text())
    for section, kind in KINDS.items():
        named = {f"{name.partition('/')[0].replace('_', '')}{kind}" for name in config[section]}
        built = {entry["gomod"].split()[0].rpartition("/")[2] for entry in manifest[section]}
        assert named == built, section


def image_versions() -> dict[str, str]:
    """The tags of the compose file's images, by the last part of the name."""
    services = yaml.safe_load(COMPOSE.read_text())["services"].values()
    images = (service["image"].partition("@")[0].rpartition(":") for service in services if "image" in service)
    return {name.rpartition("/")[2]: tag.removeprefix("v") for name, _, tag in images}


@pytest.mark.parametrize(
    ("name", "image"),
    [
        pytest.param("prometheus", "prometheus", marks=pytest.mark.needs("prometheus")),
        pytest.param("promtool", "prometheus", marks=pytest.mark.needs("promtool")),
        pytest.param("alertmanager", "alertmanager", marks=pytest.mark.needs("alertmanager")),
        pytest.param("amtool", "alertmanager", marks=pytest.mark.needs("amtool")),
        pytest.param("otelcol", "opentelemetry-collector-contrib", marks=pytest.mark.needs("otelcol")),
    ],
)
def test_what_is_tested_is_what_the_compose_file_runs(name: str, image: str) -> None:
    """The version of the program is the tag of the image."""
    said = subprocess.run([path_of(name), "--version"], capture_output=True, text=True).stdout

    assert f"version {image_versions()[image]}" in said


def test_the_collectors_parts_are_of_its_version() -> None:
    """One tag for the image, one for the modules: stable ones count apart, from 1."""
    manifest = yaml.safe_load(MANIFEST.read_text())
    entries = [
        entry["gomod"].split() for section in manifest.values() if isinstance(section, list) for entry in section
    ]
    versions = {version for _, version in entries}

    assert manifest["dist"]["version"] == image_versions()["opentelemetry-collector-contrib"]
    assert {v for v in versions if v.startswith("v0.")} == {f"v{manifest['dist']['version']}"}
    assert len({v for v in versions if v.startswith("v1.")}) == 1


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)], ids=["at home", "in CI"])
def test_the_installer_goes_on_without_what_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ci: str, status: int
) -> None:
    """No network, no Go: each program is named with the reason, and only in CI is that a failure."""
    for name in ("apt-get", "go"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho '{name}: no network' >&2\nexit 100\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("OTEL_REFUSALS_SERVERS", str(tmp_path / "servers"))
    monkeypatch.setenv("CI", ci)

    run = subprocess.run([INSTALLER], capture_output=True, text=True, stdin=subprocess.DEVNULL)

    assert run.returncode == status, run.stderr
    assert re.search(r"^LEFT OUT: the tests that need .*otelcol, jaeger, pint", run.stderr, re.MULTILINE)
    assert {"   | apt-get: no network", "   | go: no network"} <= set(run.stderr.splitlines())
    assert not any((tmp_path / "servers" / "bin").iterdir())


def test_the_installer_knows_every_program() -> None:
    """What a test may need is what it installs."""
    words = set(re.findall(r"[\w.-]+", INSTALLER.read_text()))

    assert set(PROGRAMS) <= words
