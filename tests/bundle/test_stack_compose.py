"""The compose file: valid to Docker Compose and to the specification, closed to the outside, hardened, pinned."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bundle.servers import path_of
from tests.bundle.stack import COMPOSE

ROOT = COMPOSE.parent
SERVICES = ("collector", "prometheus", "alertmanager", "jaeger", "grafana", "demo")
PASSWORD = {"GRAFANA_ADMIN_PASSWORD": "for this test"}


def compose(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Docker Compose, which needs no engine for what is asked here."""
    inherited = {name: value for name, value in os.environ.items() if name not in PASSWORD}
    return subprocess.run(
        [path_of("docker-compose"), "-f", COMPOSE, *arguments],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def resolved() -> dict[str, Any]:
    """The file as Docker Compose understands it, with the demo."""
    done = compose("--profile", "demo", "config", "--format", "json", **PASSWORD)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.needs("docker-compose")
def test_there_is_no_password_to_fall_back_on() -> None:
    """Without one nothing starts, and the message says what to set."""
    done = compose("config")

    assert done.returncode != 0
    assert "set GRAFANA_ADMIN_PASSWORD" in done.stderr


@pytest.mark.needs("docker-compose")
def test_the_demo_comes_on_demand_only(resolved: dict[str, Any]) -> None:
    """Without its profile it is not among the services."""
    assert set(SERVICES) == set(resolved["services"])
    assert set(SERVICES) - {"demo"} == set(compose("config", "--services", **PASSWORD).stdout.split())


def test_the_file_follows_the_compose_specification() -> None:
    """By the schema of the specification, which is stricter than one program."""
    checked = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE]
    done = subprocess.run(checked, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("docker-compose")
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_gets_no_more_than_it_needs(resolved: dict[str, Any], name: str) -> None:
    """Nothing to write on but its volume and /tmp, no capabilities, no root, bounded in all that it can use up."""
    service = resolved["services"][name]

    assert service["read_only"] is True
    assert ["ALL"] == service["cap_drop"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert ["no-new-privileges:true"] == service["security_opt"]
    assert re.match(r"[1-9]\d*:", service["user"])
    assert int(service["mem_limit"]) <= 2 << 30
    assert 0 < service["cpus"] <= 2
    assert 0 < service["pids_limit"] <= 1024
    assert {"max-size": "10m", "max-file": "3"} == service["logging"]["options"]
    assert "network_mode" not in service


@pytest.mark.needs("docker-compose")
def test_every_port_is_on_this_machine_alone(resolved: dict[str, Any]) -> None:
    """Most of the servers ask for no password. The demo, which nobody calls, has none at all and no way out."""
    ports = [port for service in resolved["services"].values() for port in service.get("ports", ())]

    assert {"4317", "4318", "13133", "9090", "9093", "16686", "3000"} == {port["published"] for port in ports}
    assert {"127.0.0.1"} == {port["host_ip"] for port in ports}
    assert {"stack"} == set(resolved["services"]["demo"]["networks"])
    assert resolved["networks"]["stack"]["internal"] is True


@pytest.mark.needs("docker-compose")
def test_files_are_mounted_to_be_read_and_data_is_in_named_volumes(resolved: dict[str, Any]) -> None:
    """Every file is in the checkout, and Docker makes no directory in place of one that is missing."""
    mounts = [mount for service in resolved["services"].values() for mount in service.get("volumes", ())]
    for mount in mounts:
        if mount["type"] == "bind":
            assert mount["read_only"] is True, mount
            assert mount["bind"].get("create_host_path") is not True, mount
            assert Path(mount["source"]).is_relative_to(ROOT), mount
            assert Path(mount["source"]).exists(), mount

    volumes = {mount["source"] for mount in mounts if mount["type"] == "volume"}
    assert {"prometheus-data", "alertmanager-data", "grafana-data"} == volumes == set(resolved["volumes"])
    assert {"bind", "volume"} == {mount["type"] for mount in mounts}


def test_every_image_is_pinned_to_a_release() -> None:
    """The one that the demo is built on, too."""
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    images = [service["image"] for service in services.values() if "image" in service]
    images += re.findall(r"^FROM (\S+)", services["demo"]["build"]["dockerfile_inline"], re.MULTILINE)

    assert len(SERVICES) == len(images)
    for image in images:
        assert re.search(r":v?\d+\.\d+\.\d+(-[a-z-]+)?(@sha256:[0-9a-f]{64})?$", image), image


def test_grafana_lets_nobody_in_and_calls_nobody() -> None:
    """No anonymous, no sign-up, no news, no statistics, no updates; its plugins are those of the image."""
    settings = yaml.safe_load(COMPOSE.read_text())["services"]["grafana"]["environment"]
    off = ("AUTH_ANONYMOUS_ENABLED", "USERS_ALLOW_SIGN_UP", "ANALYTICS_REPORTING_ENABLED", "NEWS_NEWS_FEED_ENABLED")
    off += ("ANALYTICS_CHECK_FOR_UPDATES", "ANALYTICS_CHECK_FOR_PLUGIN_UPDATES", "PLUGINS_PREINSTALL_AUTO_UPDATE")

    assert {"false"} == {settings[f"GF_{name}"] for name in off}
    assert "true" == settings["GF_PLUGINS_PREINSTALL_DISABLED"]
    assert settings["GF_SECURITY_ADMIN_PASSWORD"].startswith("${GRAFANA_ADMIN_PASSWORD:?")


def test_the_demo_is_built_from_what_is_in_the_checkout() -> None:
    """Everything that the package is built from is copied, and nothing that is not there."""
    service = yaml.safe_load(COMPOSE.read_text())["services"]["demo"]
    copied = [
        source
        for line in service["build"]["dockerfile_inline"].splitlines()
        if line.startswith("COPY ")
        for source in line.split()[1:-1]
    ]

    for source in copied:
        assert list(ROOT.glob(source)), source
    for needed in ("pyproject.toml", "README.md", "LICENSE", "constraints.txt", "otel_refusals", "alert_rules"):
        assert any((ROOT / needed) in ROOT.glob(source) for source in copied), needed
    assert "otel-refusals" == service["command"][0]


def test_the_page_on_the_stack_says_what_can_be_set() -> None:
    """Every variable of the compose file with its default, and no other."""
    page = (ROOT / "docs" / "stack.md").read_text()
    rows = [row.split("|") for row in page.splitlines() if row.startswith("| `")]
    told = {
        name: default
        for _, names, defaults, *_ in rows
        for name, default in zip(re.findall(r"`(\w+)`", names), defaults.split(","), strict=False)
    }
    variables = dict(re.findall(r"(?<!\$)\$\{(\w+)(?::[-?]([^}]*))?\}", COMPOSE.read_text()))

    assert set(variables) == {name for _, names, *_ in rows for name in re.findall(r"`(\w+)`", names)}
    for name, default in variables.items():
        if name.endswith("_PORT"):
            assert default == told[name].strip(), name
