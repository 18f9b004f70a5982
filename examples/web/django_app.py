"""Django: the route is the workload, `/tickets/:ticket_id`, unless the application names another.

    pip install 'otel-refusals[anthropic,otlp]' django
    DJANGO_SETTINGS_MODULE=django_app opentelemetry-instrument django-admin runserver --noreload

The module is its own settings; in a project, the middleware is the part to take.
"""

from __future__ import annotations

from collections.abc import Callable

from anthropic import Anthropic
from django.http import HttpRequest, HttpResponse
from django.urls import path

from otel_refusals import workload
from otel_refusals.web import route_workload

SECRET_KEY = "an example has no secrets"
ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
ROOT_URLCONF = __name__
MIDDLEWARE = [f"{__name__}.RouteWorkload"]


class RouteWorkload:
    """Django knows the route once the middleware has run, on the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve a request."""
        with route_workload(lambda: request.resolver_match and request.resolver_match.route):
            return self._get_response(request)


def answer(request: HttpRequest, ticket_id: int) -> HttpResponse:  # noqa: ARG001
    """A workload of its own, and nothing to write for it."""
    return _ask(f"Answer ticket {ticket_id}.")


@workload("triage")
def triage(request: HttpRequest, ticket_id: int) -> HttpResponse:  # noqa: ARG001
    """The name that is given wins."""
    return _ask(f"How urgent is ticket {ticket_id}?")


urlpatterns = [
    path("tickets/<int:ticket_id>/answer", answer),
    path("tickets/<int:ticket_id>/triage", triage),
]


def _ask(question: str) -> HttpResponse:
    with Anthropic() as claude:
        message = claude.messages.create(
            model="claude-opus-4-8", max_tokens=512, messages=[{"role": "user", "content": question}]
        )
    return HttpResponse(message.stop_reason or "")
