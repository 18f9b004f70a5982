"""`otel-refusals bundle export`: what each store takes, held against the programs that take it."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from otel_refusals import cli
from otel_refusals.bundle.export import TARGETS
from otel_refusals.bundle.files import bundle_files
from otel_refusals.bundle.plain import MIMIR_RULES_PER_GROUP
from tests.bundle.servers import path_of

ROOT = Path(__file__).parents[2]
PROMTOOLS = [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("promtool", "promtool-2.42")]


def export(directory: Path, *options: str) -> Result:
    """Export as a person does."""
    return CliRunner().invoke(cli.commands(), ["bundle", "export", str(directory), *options])


def exported(directory: Path, *options: str) -> Path:
    """The directory of an export that succeeded."""
    result = export(directory, *options)
    assert 0 == result.exit_code, result.output
    return directory


def documents(directory: Path, pattern: str) -> list[Any]:
    """The YAML documents of the files that match."""
    found = [yaml.safe_load(path.read_text()) for path in sorted(directory.glob(pattern))]
    assert found, pattern
    return found


def names_of(groups: list[dict[str, Any]]) -> list[str]:
    """The names of all rules, in order."""
    return [rule.get("record") or rule["alert"] for group in groups for rule in group["rules"]]


def ours(optional: bool = False) -> list[str]:
    """The names of the rules of the bundle."""
    paths = bundle_files().optional_rules if optional else bundle_files().rules
    return [name for path in paths for name in names_of(yaml.safe_load(path.read_text())["groups"])]


@pytest.mark.parametrize("target", TARGETS)
def test_every_export_says_what_to_do_and_holds_dashboards_and_runbooks(target: str, tmp_path: Path) -> None:
    """What the command prints is what it wrote, and nothing more is there."""
    result = export(tmp_path, "--for", target)
    written = {path for path in tmp_path.rglob("*") if path.is_file()}

    assert {str(path) for path in written} == set(result.stdout.split())
    assert (tmp_path / "README.md") in written
    assert {page.name for page in bundle_files().runbooks} == {path.name for path in tmp_path.glob("runbooks/*.md")}
    for page in bundle_files().dashboards:
        assert any(page.stem in path.name for path in written)


@pytest.mark.parametrize("target", TARGETS)
def test_an_export_over_an_older_one_changes_nothing(target: str, tmp_path: Path) -> None:
    """Twice is once, and what else is in the directory stays."""
    (tmp_path / "mine.txt").write_text("mine")
    first = {path: path.read_bytes() for path in exported(tmp_path, "--for", target).rglob("*") if path.is_file()}
    second = {path: path.read_bytes() for path in exported(tmp_path, "--for", target).rglob("*") if path.is_file()}

    assert first == second


def test_without_options_rules_are_the_files_themselves(tmp_path: Path) -> None:
    """With their comments, which say why a number is what it is."""
    exported(tmp_path)

    for path in bundle_files().rules:
        assert path.read_text() == (tmp_path / "rules" / path.name).read_text()


def test_optional_rules_are_out_of_the_way_of_a_pattern(tmp_path: Path) -> None:
    """A budget of refusals is agreed first; `rules/*.yml` does not take it along."""
    exported(tmp_path)

    assert ours() == [name for each in documents(tmp_path, "rules/*.yml") for name in names_of(each["groups"])]
    assert ours(optional=True) == [
        name for each in documents(tmp_path, "rules/optional/*.yml") for name in names_of(each["groups"])
    ]


@pytest.mark.parametrize("promtool", PROMTOOLS)
@pytest.mark.parametrize("target", ["prometheus", "compose", "thanos", "victoriametrics"])
def test_prometheus_takes_the_rule_files(target: str, promtool: str, tmp_path: Path) -> None:
    """With every option set, which is every change that is made to them."""
    everything = (
        "--cluster-label",
        "cluster",
        "--runbook-base",
        "https://r.example.com",
        "--grafana-base",
        "https://g.example.com",
    )
    exported(tmp_path, "--for", target, *everything)

    assert_rules(promtool, [*tmp_path.glob("rules/**/*.yml"), *tmp_path.glob("alert_rules/*.yml")])


def assert_rules(promtool: str, paths: list[Path]) -> None:
    """Prometheus' own tool finds nothing wrong with the rule files."""
    assert paths
    done = subprocess.run([path_of(promtool), "check", "rules", *paths], capture_output=True, text=True)
    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.needs("vmalert")
def test_vmalert_takes_the_rule_files(tmp_path: Path) -> None:
    """A dry run parses every expression as MetricsQL."""
    exported(tmp_path, "--for", "victoriametrics", "--cluster-label", "cluster")
    command = [path_of("vmalert"), "-dryRun", f"-rule={tmp_path}/rules/*.yml", f"-rule={tmp_path}/rules/optional/*.yml"]
    done = subprocess.run(command, capture_output=True, text=True)

    assert 0 == done.returncode, done.stderr


@pytest.mark.parametrize("promtool", PROMTOOLS)
def test_mimir_gets_namespaces_with_groups_within_the_limits_of_a_tenant(promtool: str, tmp_path: Path) -> None:
    """No rule is lost or out of order, and the page names the namespaces that sync may touch."""
    exported(tmp_path / "mimir", "--for", "mimir")
    files = documents(tmp_path / "mimir", "rules/*.yml")
    groups = [group for each in files for group in each["groups"]]

    assert ours() == names_of(groups)
    assert MIMIR_RULES_PER_GROUP >= max(len(group["rules"]) for group in groups)
    assert len(groups) == len({group["name"] for group in groups})
    namespaces = ",".join(each["namespace"] for each in files)
    assert f"rules sync --namespaces={namespaces} " in (tmp_path / "mimir/README.md").read_text()
    for each in files:
        (tmp_path / f"{each['namespace']}.yml").write_text(yaml.safe_dump({"groups": each["groups"]}))
    assert_rules(promtool, list(tmp_path.glob("*.yml")))


def test_links_lead_where_they_were_told_to(tmp_path: Path) -> None:
    """A runbook keeps its file name, a dashboard its path."""
    exported(
        tmp_path, "--runbook-base", "https://wiki.example.com/llm/", "--grafana-base", "https://g.example.com/grafana"
    )
    alerts = [
        rule
        for each in documents(tmp_path, "rules/*.yml")
        for group in each["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]

    for alert in alerts:
        assert f"https://wiki.example.com/llm/{alert['alert']}.md" == alert["annotations"]["runbook_url"]
        assert alert["annotations"]["dashboard_url"].startswith("https://g.example.com/grafana/d/otel-refusals-")


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--cluster-label", "k8s-cluster", "--cluster-label 'k8s-cluster' is no label"),
        ("--cluster-label", "refusal_workload", "--cluster-label 'refusal_workload' is no label"),
        ("--cluster-label", "", "--cluster-label '' is no label"),
        ("--runbook-base", "wiki/runbooks", "--runbook-base 'wiki/runbooks' is no address"),
        ("--grafana-base", "/grafana", "--grafana-base '/grafana' is no address"),
        ("--for", "nagios", "'nagios' is not one of"),
    ],
)
def test_a_bad_option_is_told_and_nothing_is_written(option: str, value: str, told: str, tmp_path: Path) -> None:
    """By its name and value."""
    result = export(tmp_path / "out", option, value)

    assert 2 == result.exit_code
    assert told in result.output
    assert not (tmp_path / "out").exists()


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """By its name, without a traceback."""
    (tmp_path / "file").write_text("")
    result = export(tmp_path / "file" / "below")

    assert 1 == result.exit_code
    assert str(tmp_path / "file") in result.output


@pytest.mark.needs("docker-compose")
def test_the_exported_stack_is_whole(tmp_path: Path) -> None:
    """Compose finds every file that the mounts name."""
    exported(tmp_path, "--for", "compose")
    compose = yaml.safe_load((tmp_path / "docker-compose.observability.yml").read_text())
    mounts = [v["source"] for s in compose["services"].values() for v in s.get("volumes", []) if v["type"] == "bind"]

    assert mounts
    for source in mounts:
        assert (tmp_path / source.rpartition(":-")[2].rstrip("}")).exists(), source


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `pip install otel-refusals` unpacks."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert 0 == done.returncode, done.stderr
    (archive,) = out.glob("*.whl")
    zipfile.ZipFile(archive).extractall(out / "site")
    return out / "site"


def test_the_wheel_holds_the_bundle_and_nothing_of_its_workshop(wheel: Path) -> None:
    """No generator and no tests of rules."""
    beside = {path.name for path in wheel.iterdir() if not path.name.endswith(".dist-info")}
    python = {path.name for path in (wheel / "otel_refusals/bundle/dashboards").iterdir()}

    assert {"otel_refusals"} == beside
    assert {path.name for path in bundle_files().dashboards} == python
    assert not list(wheel.glob("otel_refusals/bundle/alert_rules/tests"))


@pytest.mark.parametrize("target", ["compose", "kubernetes"])
def test_the_wheel_exports_what_the_checkout_exports(wheel: Path, target: str, tmp_path: Path) -> None:
    """Whoever has only the package has all of it."""
    exported(tmp_path / "checkout", "--for", target)
    code = f"import sys; sys.path.insert(0, {str(wheel)!r}); from otel_refusals.cli import main; main()"
    command = [sys.executable, "-c", code, "bundle", "export", str(tmp_path / "wheel"), "--for", target]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    assert 0 == done.returncode, done.stderr
    assert contents_of(tmp_path / "checkout") == contents_of(tmp_path / "wheel")


def contents_of(directory: Path) -> dict[str, str]:
    """The text of every file, by its path below the directory."""
    return {str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*") if path.is_file()}


def test_dashboards_are_json_that_grafana_provisions(tmp_path: Path) -> None:
    """Classic JSON with a fixed uid, and no inputs to be filled in by hand."""
    exported(tmp_path)

    for path in tmp_path.glob("dashboards/*.json"):
        model = json.loads(path.read_text())
        assert model["uid"].startswith("otel-refusals-")
        assert "__inputs" not in model
        assert "apiVersion" not in model
