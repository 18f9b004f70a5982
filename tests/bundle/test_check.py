"""`otel-refusals bundle check`: whether a running Prometheus sees anything, and what to do where it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from otel_refusals import cli
from otel_refusals.bundle import check as checking
from otel_refusals.bundle.documents import Dashboard
from otel_refusals.bundle.prometheus import Prometheus
from otel_refusals.bundle.server import RefusedError, Server
from otel_refusals.cli import bundle as cli_bundle
from tests.bundle.grafana import grafana
from tests.bundle.scraped import BASE, CALLED, REFUSED, exposing, prometheus, quick
from tests.bundle.servers import free_port, path_of, running, until
from tests.bundle.test_export import ours

PROMETHEUSES = [pytest.param(name, marks=pytest.mark.needs(name)) for name in ("prometheus", "prometheus-2.42")]


def check(url: str, *options: str) -> Result:
    """Check as a person does."""
    return CliRunner().invoke(cli.commands(), ["bundle", "check", "--prometheus", url, *options])


@pytest.mark.parametrize("program", PROMETHEUSES)
def test_an_application_that_was_called_and_rules_that_are_loaded(program: str, tmp_path: Path) -> None:
    """Nothing is wrong; what comes with the first refusal is waited for, unless it is to be there already."""
    with exposing(CALLED) as target, prometheus(program, tmp_path / "p", target, quick(tmp_path / "bundle")) as url:
        result, strict = check(url), check(url, "--strict")

        assert (0, 1) == (result.exit_code, strict.exit_code), result.output
        assert f"rules     {len(ours())} ok\n" in result.output
        assert "failed" not in result.output
        assert "not seen yet: Declines" in lines(result, "waiting", "refusal_client_refusals_total")
        assert "no refusal_client_refusals_total yet" in lines(result, "waiting", "Workload / By category")


@pytest.mark.needs("prometheus")
def test_an_application_that_was_refused(tmp_path: Path) -> None:
    """Every series is there but what only the application itself can tell; panels on refusals are filled."""
    with exposing(REFUSED) as target, prometheus("prometheus", tmp_path / "p", target, quick(tmp_path / "b")) as url:
        result = check(url)

        assert 0 == result.exit_code, result.output
        assert "series    9 ok  1 waiting" in result.output
        assert "" == lines(result, "waiting", "Workload / By category")


def lines(result: Result, *words: str) -> str:
    """The lines of the output that hold all these words."""
    return "\n".join(line for line in result.output.splitlines() if all(word in line for word in words))


@pytest.mark.needs("prometheus")
def test_a_prometheus_that_knows_nothing(tmp_path: Path) -> None:
    """No operation and no rule: both are wrong, and each line says what to do."""
    with prometheus("prometheus", tmp_path / "p") as url:
        result = check(url)

        assert 1 == result.exit_code
        assert "no operation has arrived. Is an application running" in result.output
        for name in set(ours()):
            assert "not loaded: otel-refusals bundle load" in lines(result, "failed", f" {name}: ")


@pytest.mark.needs("prometheus")
@pytest.mark.parametrize("name", ["refusal_client_operations", "app_refusal_client_operations_total"])
def test_names_that_are_translated_in_another_way(name: str, tmp_path: Path) -> None:
    """Without suffixes, or with a namespace before them: the message shows what is there, and the settings."""
    text = f'{name}{{{BASE},refusal_outcome="completed"}} 1\n'
    with exposing(text) as target, prometheus("prometheus", tmp_path / "p", target) as url:
        failed = lines(check(url), "failed", "refusal_client_operations_total")

        assert f"there is {name} instead" in failed
        assert "translation_strategy: UnderscoreEscapingWithSuffixes" in failed
        assert "add_metric_suffixes: true" in failed


@pytest.mark.needs("prometheus")
def test_labels_that_are_dropped_on_the_way(tmp_path: Path) -> None:
    """By a processor of a Collector or by a relabelling; they are named."""
    text = 'refusal_client_operations_total{gen_ai_provider_name="anthropic",refusal_outcome="completed"} 1\n'
    with exposing(text) as target, prometheus("prometheus", tmp_path / "p", target) as url:
        result = check(url)

        assert 1 == result.exit_code
        assert "without gen_ai_operation_name, gen_ai_request_model, refusal_workload:" in result.output


@pytest.mark.needs("prometheus")
def test_a_cluster_label_that_nothing_adds(tmp_path: Path) -> None:
    """The rules would take all clusters for one."""
    rules = quick(tmp_path / "b", "--cluster-label", "cluster")
    with exposing(CALLED) as target, prometheus("prometheus", tmp_path / "p", target, rules) as url:
        result = check(url, "--cluster-label", "cluster")

        assert 1 == result.exit_code
        assert "without cluster: a processor or a relabelling drops them, or nothing adds them" in result.output


@pytest.mark.needs("prometheus")
def test_a_rule_that_is_loaded_twice_and_one_that_does_not_evaluate(tmp_path: Path) -> None:
    """The first would page twice; of the second Prometheus' own words are shown."""
    rules = quick(tmp_path / "b")
    broken = next(path for path in rules if path.name == "refusals.rules.yml")
    groups = yaml.safe_load(broken.read_text())["groups"]
    record = next(
        rule for group in groups for rule in group["rules"] if rule.get("record") == "workload:refusal_ratio:count2h"
    )
    record["expr"] = "refusal_client_operations_total / on () refusal_client_operations_total"
    broken.write_text(yaml.safe_dump({"groups": groups}))
    twice = tmp_path / "again.yml"
    twice.write_text(next(path for path in rules if path.name == "pipeline.rules.yml").read_text())
    with exposing(CALLED) as target, prometheus("prometheus", tmp_path / "p", target, [*rules, twice]) as url:
        asked = Prometheus(Server(url))
        until(lambda: any(rule.error for rule in asked.rules()), "the broken rule to meet its series")
        result = check(url)

        assert 1 == result.exit_code
        assert "loaded 2 times instead of 1" in lines(result, "failed", "LLMRefusalWatchdog")
        assert "does not evaluate: found duplicate series for the match group" in lines(
            result, "failed", "workload:refusal_ratio:count2h"
        )


def test_a_panel_with_a_query_that_the_server_refuses_is_wrong() -> None:
    """The server's own words, and the query."""
    (finding,) = check_panels("sum(x")

    assert "failed" == finding.state
    assert "400" in finding.detail
    assert finding.detail.endswith(": sum(x")


def check_panels(expression: str) -> Any:
    """What is found out about one panel, by a server that refuses every query."""
    model = {
        "uid": "x",
        "title": "Page",
        "templating": {"list": []},
        "panels": [{"title": "Row", "panels": [{"title": "Panel", "targets": [{"expr": expression, "refId": "A"}]}]}],
    }

    class Refusing(Prometheus):
        def query(self, expression: str) -> Any:
            raise RefusedError(self.url, 400, {"error": "parse error"})

        def metric_names(self, pattern: str) -> set[str]:
            return set()

        def rules(self) -> list[Any]:
            return []

    findings = checking.check(Refusing(Server("http://127.0.0.1:1")), [], [Dashboard("page", model)])
    return [finding for finding in findings if finding.area == "panels"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((401, {"error": "who are you"}), "who are you; set PROMETHEUS_TOKEN"),
        ((200, {"status": "success"}), "does not speak Prometheus' API"),
        ((200, "<html>"), "answered no JSON but '<html>'"),
        ((503, {"error": "starting"}), "answered 503: starting"),
    ],
)
def test_a_server_that_gives_no_answer(answer: tuple[int, Any], told: str) -> None:
    """One error, without a traceback."""
    with grafana(answers={("GET", "/"): answer, ("POST", "/"): answer}) as there:
        result = check(there.url)

        assert 1 == result.exit_code
        assert told in result.output


@pytest.mark.needs("prometheus")
def test_a_server_that_evaluates_no_rules_says_where_to_ask(tmp_path: Path) -> None:
    """As a store without a ruler: it has the series, but no rules to tell."""
    with exposing(CALLED) as target, prometheus("prometheus", tmp_path / "p", target) as url:

        class Store(Prometheus):
            def rules(self) -> list[Any]:
                raise RefusedError(f"{self.url}/api/v1/rules", 404, {})

        findings = list(checking.check(Store(Server(url)), [], []))

        assert ["failed"] == [finding.state for finding in findings if finding.area == "rules"]
        assert "-vmalert.proxyURL" in findings[-1].detail


@pytest.mark.needs("victoria-metrics", "vmalert")
def test_victoria_metrics_tells_the_rules_of_its_vmalert(tmp_path: Path) -> None:
    """Through `-vmalert.proxyURL`; what is exported for it is loaded, evaluates, and is found."""
    quick(tmp_path / "bundle", "--for", "victoriametrics")
    store, ruler = (f"127.0.0.1:{free_port()}" for _ in range(2))
    with exposing(CALLED) as target:
        job = {"job_name": "app", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}
        (tmp_path / "scrape.yml").write_text(yaml.safe_dump({"scrape_configs": [job]}))
        storing = [
            path_of("victoria-metrics"),
            f"-httpListenAddr={store}",
            f"-storageDataPath={tmp_path}/data",
            f"-promscrape.config={tmp_path}/scrape.yml",
            f"-vmalert.proxyURL=http://{ruler}",
            "-search.latencyOffset=0s",
        ]
        ruling = [
            path_of("vmalert"),
            f"-httpListenAddr={ruler}",
            f"-rule={tmp_path}/bundle/rules/*.yml",
            f"-datasource.url=http://{store}",
            f"-remoteWrite.url=http://{store}",
            "-notifier.blackhole",
            "-rule.evalDelay=0s",
        ]
        with (
            running(storing, f"http://{store}/health", tmp_path / "store"),
            running(ruling, f"http://{ruler}/health", tmp_path / "ruler"),
        ):
            evaluated = f"rules     {len(ours())} ok\n"

            def works() -> bool:
                result = check(f"http://{store}")
                return 0 == result.exit_code and evaluated in result.output

            until(works, "the application to be scraped and every rule to be evaluated")


def test_credentials_and_tenant_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token alone is a bearer's; with a user it is the password, as Grafana Cloud asks for it."""
    monkeypatch.setenv("PROMETHEUS_TOKEN", "secret")
    alone = cli_bundle.prometheus_at("http://127.0.0.1:1", "team")._server._headers
    monkeypatch.setenv("PROMETHEUS_USER", "123")
    both = cli_bundle.prometheus_at("http://127.0.0.1:1")._server._headers

    assert ("Bearer secret", "team") == (alone["Authorization"], alone["X-Scope-OrgID"])
    assert "Basic MTIzOnNlY3JldA==" == both["Authorization"]
    assert "X-Scope-OrgID" not in both
