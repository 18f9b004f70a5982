"""`otel-refusals bundle load --grafana`: dashboards over Grafana's HTTP API, and each way in which it says no."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from click.testing import CliRunner, Result

from otel_refusals import __version__, cli
from otel_refusals.bundle import server
from otel_refusals.bundle.files import bundle_files
from tests.bundle.grafana import TOKEN, grafana

MODELS = [json.loads(path.read_text()) for path in bundle_files().dashboards]
FIRST, SECOND, *REST = [model["uid"] for model in MODELS]
TITLES = [model["title"] for model in MODELS]
SAVE = ("POST", "/api/dashboards/db")


def load(url: str, *options: str, token: str = TOKEN) -> Result:
    """Load as a person does."""
    command = ["bundle", "load", "--grafana", url, *options]
    return CliRunner().invoke(cli.commands(), command, env={"GRAFANA_TOKEN": token})


def test_dashboards_come_into_a_folder_of_their_own() -> None:
    """Nothing is there before; afterwards every dashboard is, and the command tells its address."""
    with grafana() as there:
        result = load(there.url)

        assert 0 == result.exit_code, result.output
        assert {"otel-refusals": "LLM refusals"} == there.folders
        for model in MODELS:
            assert bare(model) == bare(there.dashboards[model["uid"]]["dashboard"])
        assert {"otel-refusals"} == {each["meta"]["folderUid"] for each in there.dashboards.values()}
        for model in MODELS:
            assert f"created    {model['title']}  {there.url}/d/{model['uid']}" in result.output


def bare(model: dict[str, Any]) -> dict[str, Any]:
    """A dashboard without what Grafana writes into it."""
    return {key: value for key, value in model.items() if key not in ("id", "version")}


def test_loading_twice_changes_nothing() -> None:
    """No second version in the history of a dashboard."""
    with grafana() as there:
        load(there.url)
        saved = len(there.messages)
        result = load(there.url)

        assert 0 == result.exit_code
        assert saved == len(there.messages)
        assert len(MODELS) == result.output.count("unchanged")


def test_a_dashboard_that_was_changed_is_replaced_and_the_history_says_by_whom() -> None:
    """Grafana keeps the version before, from which it can be restored."""
    with grafana() as there:
        load(there.url)
        there.dashboards[FIRST]["dashboard"]["title"] = "Mine"
        result = load(there.url)

        assert f"updated    {TITLES[0]}" in result.output
        assert TITLES[0] == there.dashboards[FIRST]["dashboard"]["title"]
        assert 2 == there.dashboards[FIRST]["dashboard"]["version"]
        assert f"otel-refusals {__version__}" == there.messages[-1]


def test_a_folder_of_the_team_is_used() -> None:
    """By its uid; none is made."""
    with grafana(folders={"team": "Team"}) as there:
        result = load(there.url, "--folder", "team")

        assert 0 == result.exit_code, result.output
        assert {"team": "Team"} == there.folders
        assert {"team"} == {each["meta"]["folderUid"] for each in there.dashboards.values()}


def test_grafana_below_a_path_is_found() -> None:
    """As behind a proxy that serves more than Grafana."""
    with grafana(prefix="/grafana") as there:
        result = load(there.url + "/")

        assert 0 == result.exit_code, result.output
        assert f"{there.url}/d/{FIRST}" in result.output


def test_a_cluster_label_is_loaded_too() -> None:
    """The same options as of an export."""
    with grafana() as there:
        load(there.url, "--cluster-label", "cluster")
        names = [variable["name"] for variable in there.dashboards[FIRST]["dashboard"]["templating"]["list"]]

        assert "cluster" in names


def test_without_a_data_source_the_command_says_why_panels_will_be_empty() -> None:
    """The dashboards are loaded all the same."""
    with grafana(sources=[{"type": "loki"}]) as there:
        result = load(there.url)

        assert 0 == result.exit_code
        assert "no Prometheus data source yet" in result.output


def test_a_token_that_may_not_see_data_sources_is_no_failure() -> None:
    """An editor's may not."""
    forbidden = (403, {"message": "You'll need additional permissions"})
    with grafana(answers={("GET", "/api/datasources"): forbidden}) as there:
        result = load(there.url)

        assert 0 == result.exit_code
        assert "data source" not in result.output


def test_what_may_not_be_seen_is_made() -> None:
    """Some versions answer 403 instead of 404 for a folder or dashboard that is not there."""
    forbidden = (403, {"message": "You'll need additional permissions"})
    with grafana(answers={("GET", "/api/folders"): forbidden, ("GET", "/api/dashboards/uid"): forbidden}) as there:
        result = load(there.url)

        assert 0 == result.exit_code, result.output
        assert len(MODELS) == len(there.dashboards)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((401, {"message": "Invalid API key"}), "Invalid API key; the token is not valid here"),
        ((403, {"message": "Permissions needed: dashboards:write"}), "dashboards:write; the token may not do that"),
        ((404, {"message": "Not found"}), "Not found; nothing is there: is the address complete"),
        (
            (412, {"status": "version-mismatch", "message": "changed"}),
            "changed; someone saved this dashboard at the same time",
        ),
        ((412, {"status": "name-exists", "message": "same name"}), "same name; another dashboard with this title"),
        ((412, {"status": "plugin-dashboard", "message": "plugin"}), "plugin; this dashboard belongs to a plugin"),
        ((412, {"message": "no"}), "no; it is in conflict"),
        ((400, {"message": "Cannot save provisioned dashboard"}), "dashboard; Grafana provisions it from a file"),
        ((400, {"message": "bad request data"}), "answered 400: bad request data"),
        ((413, "<html>Request Entity Too Large</html>"), "answered 413; a proxy in front of Grafana"),
        ((429, {"message": "slow down"}), "slow down; Grafana is asked too often"),
        (
            (500, {"message": "database is locked"}),
            "database is locked; Grafana, or a proxy in front of it, is in trouble",
        ),
        ((502, "<html>Bad Gateway</html>"), "answered 502; Grafana, or a proxy in front of it, is in trouble"),
        (
            (200, "<html>Sign in</html>"),
            "answered no JSON but '<html>Sign in</html>'; is this the server's own address",
        ),
        ((302, "https://sso.example.com/login"), "redirects to https://sso.example.com/login; give the address behind"),
    ],
)
def test_each_no_is_told_with_what_to_do_and_with_what_is_loaded(answer: tuple[int, Any], told: str) -> None:
    """The second dashboard is not taken: the first one is loaded, the third is not tried."""
    with grafana() as there:
        load(there.url)
        for uid in (SECOND, *REST):
            del there.dashboards[uid]
        there.answers[SAVE] = answer
        result = load(there.url)
        output = result.output

        assert 1 == result.exit_code
        assert told in output
        assert f"unchanged  {TITLES[0]}" in output
        assert f"not loaded  {TITLES[1]!r} was not loaded" in output
        assert f"not tried   {TITLES[2]}" in output
        assert "Traceback" not in output


@pytest.mark.parametrize("status", [409, 412])
def test_a_folder_with_that_title_is_told(status: int) -> None:
    """Of another uid: it may be someone else's."""
    with grafana(answers={("POST", "/api/folders"): (status, {"message": "already exists"})}) as there:
        result = load(there.url)

        assert 1 == result.exit_code
        assert "'LLM refusals' was not made" in result.output
        assert "give its uid as --folder" in result.output
        assert not there.dashboards


def test_a_dashboard_that_grafana_provisions_is_not_tried() -> None:
    """It would come back from its file: the file is named."""
    with grafana() as there:
        load(there.url)
        there.dashboards[FIRST]["meta"].update(provisioned=True, provisionedExternalId="refusals-overview.json")
        result = load(there.url)

        assert 1 == result.exit_code
        assert "Grafana provisions it from refusals-overview.json" in result.output


def test_a_wrong_token_loads_nothing_and_is_not_shown() -> None:
    """The message says where a token comes from."""
    with grafana() as there:
        result = load(there.url, token="glsa_secret")

        assert 1 == result.exit_code
        assert "set GRAFANA_TOKEN to that of a service account" in result.output
        assert "glsa_secret" not in result.output
        assert not there.folders


def test_a_redirect_does_not_carry_the_token_along() -> None:
    """The other server is never asked."""
    with grafana() as other, grafana(answers={("GET", "/"): (302, other.url)}) as there:
        result = load(there.url)

        assert 1 == result.exit_code
        assert f"redirects to {other.url}" in result.output
        assert not other.asked


def test_nobody_listens() -> None:
    """Connection refused, told with the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    result = load(url)

    assert 1 == result.exit_code
    assert f"{url}/api/folders/otel-refusals: nothing listens there (connection refused)" in result.output


def test_a_server_that_does_not_answer_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It listens and says nothing."""
    monkeypatch.setattr(server, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        result = load(f"http://127.0.0.1:{silent.getsockname()[1]}")

    assert 1 == result.exit_code
    assert "no answer within 0.2 seconds" in result.output


def test_plain_http_where_tls_was_named() -> None:
    """The message guesses right."""
    with grafana() as there:
        result = load(there.url.replace("http://", "https://"))

        assert 1 == result.exit_code
        assert "is it http instead of https?" in result.output


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("grafana.example.com", "'grafana.example.com' is no address of a server"),
        ("ftp://grafana.example.com", "'ftp://grafana.example.com' is no address of a server"),
        ("http://admin:pw@grafana.example.com", "credentials do not belong in the address of grafana.example.com"),
        ("http://grafana.example.com/?orgId=1", "has a query or a fragment"),
    ],
)
def test_an_address_that_is_none_is_told(url: str, told: str) -> None:
    """Before anything is asked; a password in it is not repeated."""
    result = load(url)

    assert 2 == result.exit_code
    assert told in result.output
    assert "pw@" not in result.output


def test_no_token_is_told() -> None:
    """With how to get one."""
    result = load("http://127.0.0.1:3000", token=" ")

    assert 2 == result.exit_code
    assert "GRAFANA_TOKEN is not set: make a service account" in result.output


def test_nowhere_to_load_to_is_told() -> None:
    """And half a Prometheus is none."""
    nowhere = CliRunner().invoke(cli.commands(), ["bundle", "load"])
    half = CliRunner().invoke(cli.commands(), ["bundle", "load", "--prometheus", "http://127.0.0.1:9090"])

    assert (2, 2) == (nowhere.exit_code, half.exit_code)
    assert "say where to" in nowhere.output
    assert "--prometheus and --rules-dir belong together" in half.output
