"""The route of a web application as a workload: by the examples themselves, under the real frameworks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import anthropic
import django
import pytest
from django.conf import settings
from django.test import Client
from opentelemetry import baggage, context
from starlette.applications import Starlette
from starlette.requests import Request as WebRequest
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from otel_refusals import failure
from otel_refusals.testing import StubServer
from otel_refusals.web import ASGIRouteWorkload, route_workload
from tests.drivers import ARGUMENTS
from tests.fixtures import fixture
from tests.telemetry import Recorded

EXAMPLES = Path(__file__).parent.parent / "examples" / "web"
COMPLETED = fixture("anthropic/completed_end_turn.json").reply

Get = Callable[[str], int]


@pytest.fixture(autouse=True)
def _examples(monkeypatch: pytest.MonkeyPatch, vendor: StubServer) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", vendor.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")


@pytest.fixture(params=["fastapi", "flask", "django"])
def get(request: pytest.FixtureRequest) -> Iterator[Get]:
    """Gets a path of an example; the status comes back."""
    module = f"{request.param}_app"
    if request.param == "django":
        if not settings.configured:
            example = import_module(module)
            names = ("SECRET_KEY", "ALLOWED_HOSTS", "ROOT_URLCONF", "MIDDLEWARE")
            settings.configure(**{name: getattr(example, name) for name in names})
            django.setup()
        client = Client()
        yield lambda path: client.get(path).status_code
    elif request.param == "flask":
        flask = import_module(module).app.test_client()
        yield lambda path: flask.get(path).status_code
    else:
        with TestClient(import_module(module).app) as web:
            yield lambda path: web.get(path).status_code
    if request.param != "django":
        sys.modules.pop(module, None)


def workloads(recorded: Recorded) -> dict[str, float]:
    """How many operations each workload had."""
    return recorded.sums("refusal.client.operations", "refusal.workload")


def test_the_template_of_the_route_is_the_workload(get: Get, recorded: Recorded, vendor: StubServer) -> None:
    """One workload for all tickets; a name that the application gives wins over it."""
    vendor.queue(*[COMPLETED] * 3)
    statuses = [get(f"/tickets/{ticket}") for ticket in ("7/answer", "8/answer", "9/triage")]

    assert [200] * 3 == statuses
    assert {"/tickets/:ticket_id/answer": 2, "triage": 1} == workloads(recorded)


def test_a_response_made_while_it_is_sent_belongs_to_its_route(recorded: Recorded, vendor: StubServer) -> None:
    """Flask iterates after the application has returned."""
    vendor.queue(COMPLETED)
    response = import_module("flask_app").app.test_client().get("/tickets/7/answer/live")

    assert b"end_turn" == response.data
    assert {"/tickets/:ticket_id/answer/live": 1} == workloads(recorded)


def test_routers_and_mounts(recorded: Recorded, vendor: StubServer) -> None:
    """A prefix that is a template is told; that of a mount, which may hold values, is not."""
    from fastapi import APIRouter, FastAPI

    def ask() -> str:
        with anthropic.Anthropic() as claude:
            return str(claude.messages.create(**ARGUMENTS["messages"]).stop_reason)

    def mounted(request: WebRequest) -> PlainTextResponse:
        return PlainTextResponse(ask())

    router = APIRouter(prefix="/teams/{team}")
    router.get("/answers")(lambda team: ask())
    app = FastAPI()
    app.include_router(router, prefix="/v1")
    app.mount("/{customer}", Starlette(routes=[Mount("/inner", routes=[Route("/{name}/answers", mounted)])]))
    app.add_middleware(ASGIRouteWorkload)
    vendor.queue(COMPLETED, COMPLETED)
    with TestClient(app) as web:
        assert 200 == web.get("/v1/teams/red/answers").status_code
        assert 200 == web.get("/secret-customer/inner/me/answers").status_code

    assert {"/v1/teams/:team/answers": 1, "/:name/answers": 1} == workloads(recorded)


def test_the_route_is_found_by_its_endpoint_where_starlette_does_not_tell_it(
    claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer
) -> None:
    """As older ones do not; an endpoint of two routes has none that is sure."""

    def ask(request: WebRequest) -> PlainTextResponse:
        request.scope.pop("route", None)
        claude.messages.create(**ARGUMENTS["messages"])
        return PlainTextResponse("asked")

    def again(request: WebRequest) -> PlainTextResponse:
        return ask(request)

    routes = [Mount("/inner", routes=[Route("/{name}/answers", ask)]), Route("/a/{x}", again), Route("/b/{x}", again)]
    vendor.queue(COMPLETED, COMPLETED)
    with TestClient(ASGIRouteWorkload(Starlette(routes=routes))) as web:
        assert 200 == web.get("/inner/me/answers").status_code
        assert 200 == web.get("/a/1").status_code

    assert {"/:name/answers": 1, "unspecified": 1} == workloads(recorded)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("/users/{user_id}/files/{path:path}", "/users/:user_id/files/:path"),
        ("/users/<int:user_id>/<name>", "/users/:user_id/:name"),
        (r"^articles/(?P<year>[0-9]{4})/$", "/articles/:year/"),
        ("", "unspecified"),
        (None, "unspecified"),
    ],
)
def test_a_template_is_spelled_as_a_workload_may_be(
    template: str | None, name: str, claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer
) -> None:
    """Of any framework; where there is no route it is the default."""
    vendor.queue(COMPLETED)
    with route_workload(lambda: template):
        claude.messages.create(**ARGUMENTS["messages"])

    assert {name: 1} == workloads(recorded)


def test_the_name_of_a_calling_service_wins_over_the_route(
    claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer
) -> None:
    """It was named by somebody, a route was not."""
    vendor.queue(COMPLETED)
    token = context.attach(baggage.set_baggage("refusal.workload", "upstream"))
    try:
        with route_workload(lambda: "/here"):
            claude.messages.create(**ARGUMENTS["messages"])
    finally:
        context.detach(token)

    assert {"upstream": 1} == workloads(recorded)


def test_a_route_that_cannot_be_found_costs_nothing_but_its_name(
    claude: anthropic.Anthropic, recorded: Recorded, vendor: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operation is counted under the default, the failure among those of the instrumentation."""
    monkeypatch.setattr(failure, "raise_failures", False)
    vendor.queue(COMPLETED)

    def broken() -> Any:
        raise LookupError

    with route_workload(broken):
        claude.messages.create(**ARGUMENTS["messages"])

    assert {"unspecified": 1} == workloads(recorded)
    assert recorded.sums("refusal.instrumentation.errors", "error.type")["LookupError"] >= 1
