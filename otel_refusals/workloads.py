"""The workload: the caller's own name for a route or a job, carried by the OpenTelemetry context."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ContextDecorator
from contextvars import ContextVar, Token
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry import baggage, context
from opentelemetry.context import Context

from otel_refusals.failure import swallow
from otel_refusals.labels import is_label
from otel_refusals.names import WORKLOAD

if TYPE_CHECKING:
    from typing_extensions import Self

F = TypeVar("F", bound=Callable[..., Any])

_KEY = context.create_key(WORKLOAD)

_entered: ContextVar[tuple[Token[Context], ...]] = ContextVar("otel_refusals_workloads", default=())
"""What ends each `workload(...)` that this context is inside of: one object may be entered by several tasks at once."""

ROUTE = context.create_key(f"{WORKLOAD}.route")
"""Holds a function that tells the route of a web application; see `otel_refusals.web`."""


class workload(ContextDecorator):  # noqa: N801 - read as a verb: `with workload("support-bot"):`
    """Names the workload of every operation inside; nested, the innermost wins.

    A context manager and a decorator, for plain and for coroutine functions::

        with otel_refusals.workload("security-review"):
            client.messages.create(...)


        @otel_refusals.workload("support-bot")
        async def answer(question): ...

    The name stays inside the process. To carry it to another service of yours, set the baggage entry
    `refusal.workload` instead, which is read too: if it is at most 64 characters of `[A-Za-z0-9_.:/@-]`.

    Args:
        name: A short, stable name; on metrics anything over 64 characters or outside `[A-Za-z0-9_.:/@-]` is `_OTHER`.

    Raises:
        ValueError: for a name that is not a non-empty string.
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise ValueError(f"a workload needs a non-empty name, not {name!r}")
        self._name = name

    def _recreate_cm(self) -> workload:
        return workload(self._name)

    def __enter__(self) -> Self:
        token = context.attach(context.set_value(_KEY, self._name))
        _entered.set((*_entered.get(), token))
        return self

    def __exit__(self, *exc_info: object) -> None:
        entered = _entered.get()
        if entered:  # else it is left in another context, which was never inside
            _entered.set(entered[:-1])
            context.detach(entered[-1])

    def __call__(self, function: F) -> F:
        """Name the workload of every call of `function`."""
        if isgeneratorfunction(function) or isasyncgenfunction(function):
            raise TypeError(
                f"a generator such as {function.__name__} runs in its caller's context: use `with` inside it"
            )
        if not iscoroutinefunction(function):
            return super().__call__(function)

        @wraps(function)
        async def inside(*args: Any, **kwargs: Any) -> Any:
            with workload(self._name):
                return await function(*args, **kwargs)

        return inside  # type: ignore[return-value]


def workload_of(ctx: Context) -> str | None:
    """The workload that the application itself gave `ctx`, by `workload(...)`; None for none."""
    name = ctx.get(_KEY) if ctx else None
    return name if isinstance(name, str) and name else None


def workload_heard(ctx: Context) -> str | None:
    """The workload in the baggage of `ctx`, that a caller sent; None for none, and for one that no metric may have."""
    name = baggage.get_baggage(WORKLOAD, ctx) if ctx else None
    return name if isinstance(name, str) and is_label(name) else None


def workload_of_route(ctx: Context) -> str | None:
    """The route of the request in `ctx`; None for none, and where finding it failed."""
    find = ctx.get(ROUTE) if ctx else None
    try:
        name = find() if callable(find) else None
    except Exception as error:
        swallow(error, "route_workload")
        return None
    return name if isinstance(name, str) else None
