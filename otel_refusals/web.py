"""The route of a web application as the workload of what it calls, where the application named none.

    app.add_middleware(ASGIRouteWorkload)                  # FastAPI, Starlette
    app.wsgi_app = WSGIRouteWorkload(app.wsgi_app)         # Flask

For another framework, `route_workload(find)` is the same for whatever knows the route.

The law of this module: a workload is the template of a route, `/users/:id`, never the path of a request, which is the
caller's to choose and would be a workload each. Frameworks find the route after the middleware has run, so what is left
in the context is the question; whoever makes a call under it gets the answer.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import Context, copy_context
from typing import Any

from opentelemetry import context

from otel_refusals.workloads import ROUTE

__all__ = ["ASGIRouteWorkload", "WSGIRouteWorkload", "route_workload"]

Find = Callable[[], str | None]

_PARAMETERS = re.compile(r"\{(\w+)[^{}]*\}|\(\?P<(\w+)>[^()]*\)|<(?:[^<>:]*:)?(\w+)>")
"""`{id}` and `{id:int}` of Starlette, `(?P<id>...)` and `<int:id>` of Django, `<int:id>` of Flask."""
_NO_LABEL = re.compile(r"[^A-Za-z0-9_.:/@-]+")


@contextmanager
def route_workload(find: Find) -> Iterator[None]:
    """Inside, a call that the application named no workload for belongs to the route that `find` tells.

    Args:
        find: Gives the template of the route in the framework's own spelling, or None for no route; asked when a call
            is made and not before. What it raises is counted in `refusal.instrumentation.errors`.
    """
    token = context.attach(context.set_value(ROUTE, _once(find)))
    try:
        yield
    finally:
        context.detach(token)


class ASGIRouteWorkload:
    """ASGI middleware: the route of FastAPI and Starlette, from the scope of the request.

    Routes of a mounted application are named without the mount's prefix, which may hold values.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Serve a request."""

        def find() -> str | None:
            # FastAPI knows the route of an included router with its prefix apart.
            included = scope.get("fastapi", {}).get("effective_route_context")
            route = included or scope.get("route")
            return getattr(route, "path", None) if route else _path_of_endpoint(scope)

        with route_workload(find):
            await self.app(scope, receive, send)


def _path_of_endpoint(scope: MutableMapping[str, Any]) -> str | None:
    """The template of the endpoint, if it has only one: before 1.9 Starlette tells the endpoint and not the route."""

    def paths(routes: Iterable[Any]) -> Iterator[str]:
        for route in routes:
            yield from paths(getattr(route, "routes", None) or ())
            if getattr(route, "endpoint", None) is scope["endpoint"]:
                yield route.path

    if "endpoint" not in scope:
        return None
    found = set(paths(getattr(scope.get("router"), "routes", ())))
    return found.pop() if len(found) == 1 else None


class WSGIRouteWorkload:
    """WSGI middleware: the route of Flask, from the request that Werkzeug leaves in the environment.

    The body of a response is made under it, too, though the application has returned by then.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Serve a request."""

        def find() -> str | None:
            rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
            return None if rule is None else str(rule.rule)

        ask = _once(find)

        def started(*response: Any) -> Any:
            ask()  # the last moment at which Flask still has the request
            return start_response(*response)

        inside = copy_context()
        inside.run(context.attach, inside.run(context.set_value, ROUTE, ask))
        return _Body(inside, inside.run(self.app, environ, started))


class _Body:
    """The pieces of a response, each made in the context of its request."""

    def __init__(self, inside: Context, body: Iterable[bytes]) -> None:
        self._inside = inside
        self._body = body
        self._pieces = inside.run(iter, body)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self._inside.run(next, self._pieces)

    def close(self) -> None:
        """End the response."""
        close = getattr(self._body, "close", None)
        if close is not None:
            self._inside.run(close)


def _once(find: Find) -> Find:
    """`find`, in the spelling of a workload, and not asked again once it knows: the request may be gone by then."""
    known: str | None = None

    def ask() -> str | None:
        nonlocal known
        if known is None and (template := find()):
            known = _spelled(template)
        return known

    return ask


def _spelled(template: str) -> str:
    """A template in the characters that a workload may have: parameters as `:name`."""
    named = _PARAMETERS.sub(lambda found: ":" + next(filter(None, found.groups())), template)
    return "/" + _NO_LABEL.sub("", named).lstrip("/")
