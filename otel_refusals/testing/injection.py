"""Refusals for the application's own code and its real SDK client: no server, no key, no network.

    with inject("anthropic", stage="mid_stream", category="cyber", after_tokens=40):
        application.answer("...")

The SDK's parsing, types, helpers and exceptions are its own: only the bytes under its HTTP library are ours.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from contextlib import ExitStack
from fnmatch import fnmatchcase
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from otel_refusals.testing import speakers
from otel_refusals.testing.scenario import COMPLETED, USUAL, Content, Ending, Scenario, ScenarioError, known
from otel_refusals.testing.speakers.turn import NotSpokenError
from otel_refusals.testing.stub import Reply, Request
from otel_refusals.testing.transports import answering

if TYPE_CHECKING:
    from typing_extensions import Self

    from otel_refusals.testing.fixtures import Wire

Others = Literal["block", "pass", "answer"]
_Function = TypeVar("_Function", bound=Callable[..., Any])

_KEYS = {
    "ANTHROPIC_API_KEY": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "OPENAI_API_KEY": ("OPENAI_API_KEY",),
    "GOOGLE_API_KEY": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    "AWS_ACCESS_KEY_ID": ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"),
    "AWS_SECRET_ACCESS_KEY": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"),
    "AWS_DEFAULT_REGION": ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"),
    "MISTRAL_API_KEY": ("MISTRAL_API_KEY",),
    "CO_API_KEY": ("CO_API_KEY",),
}
"""What is set for the time of an injection, and where any of which it is not: the SDKs want a key before they call."""

_PLACEHOLDER = "no-key-needed"


class CallBlocked(BaseException):
    """A call to a vendor that no injection answers, and that was not to leave the process.

    No `Exception`, as pytest's own outcomes are none: no retry of an SDK and no handler of the application shall take
    it for a failed connection.
    """


class Injection:
    """What `inject` returns: a context manager and a decorator, for functions and coroutine functions.

    Attributes:
        scenario: What is played; None where a fixture is.
        requests: The calls that got it; of a WebSocket, the messages that asked for an answer.
        blocked: What was blocked on an open WebSocket; the first is raised when the injection ends.
    """

    def __init__(
        self,
        vendor: str,
        scenario: Scenario | None,
        wire: Wire | Reply | None,
        model: str,
        times: int | None,
        others: Others,
    ) -> None:
        self.vendor = vendor
        self.scenario = scenario
        self.requests: list[Request] = []
        self.blocked: list[CallBlocked] = []
        self._wire = wire
        self._model = model
        self._times = times
        self._others: Others = others

    def __enter__(self) -> Self:
        _enter(self)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        _leave(self)
        if self.blocked:
            raise self.blocked[0] from exc

    def __call__(self, function: _Function) -> _Function:
        """Inject while `function` runs."""

        def again() -> Injection:
            return Injection(self.vendor, self.scenario, self._wire, self._model, self._times, self._others)

        @functools.wraps(function)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            with again():
                return await function(*args, **kwargs)

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with again():
                return function(*args, **kwargs)

        return run_async if inspect.iscoroutinefunction(function) else run  # type: ignore[return-value]

    def offer(self, request: Request, vendor: str) -> Reply | None:
        """The reply to a call that this injection is for; None for any other."""
        if vendor != self.vendor or (self._times is not None and len(self.requests) >= self._times):
            return None
        model, asks = speakers.model_of(request), speakers.asks(request)
        unsaid = not (asks or model)  # a WebSocket that is opened: its messages will name the model
        if not (unsaid or fnmatchcase(model, self._model)):
            return None
        if not asks:
            return speakers.answer(request, COMPLETED)
        if self._wire:
            sent = self._wire if isinstance(self._wire, Reply) else self._wire.reply
            reply: Reply | None = speakers.as_sent(request, sent)
        else:
            reply = speakers.answer(request, self.scenario or COMPLETED)
        if reply is not None:
            self.requests.append(request)
        return reply

    def refuse_to_leave(self, request: Request, vendor: str) -> Reply | None:
        """What happens to a call of any vendor that no injection is for."""
        reply = speakers.answer(request, COMPLETED) if self._others == "answer" else None
        if reply is None and self._others != "pass":
            raise CallBlocked(
                f"{request.method} {request.path} of {vendor} is not what inject({self.vendor!r}) is for; "
                "others='pass' lets it through, others='answer' completes it"
            )
        return reply


def inject(
    vendor: str,
    scenario: Scenario | None = None,
    *,
    outcome: Ending = "refused",
    stage: Literal["pre_output", "mid_stream"] = "pre_output",
    category: str | None = USUAL,
    content: Content = "text",
    after_tokens: int = 12,
    source: Literal["classifier", "model"] = "classifier",
    wire: Wire | Reply | None = None,
    model: str = "*",
    times: int | None = None,
    others: Others = "block",
) -> Injection:
    """Let the calls of this process through one vendor's SDK end as told: sync, async, streamed, by any helper.

    Args:
        vendor: The SDK: `anthropic`, `openai`, `google_genai`, `botocore`, `mistralai` or `cohere`.
        scenario: A whole scenario, instead of its parts.
        outcome: How the answer ends.
        stage: Whether content comes before the decline.
        category: Why it is declined; None where the vendor is to name no category.
        content: What kind of content comes before the end.
        after_tokens: How many output tokens there are before the end.
        source: Who declines: a `classifier`, or the `model` in its own words (OpenAI).
        wire: A fixture to send instead of a scenario, or any reply, whatever is called.
        model: Which requested models it is for, with `*` as in file names.
        times: How many calls get it; every one by default.
        others: What becomes of other calls of vendors: `block` raises `CallBlocked`, `pass` sends them out, `answer`
            completes them. Anything that is no call of a vendor is left alone.

    Returns:
        A context manager and decorator.

    Raises:
        ScenarioError: for a value that cannot be; the message names it.
    """
    if others not in get_args(Others):
        raise ScenarioError(f"others={others!r}: not one of {', '.join(get_args(Others))}")
    if wire is None and scenario is None:
        scenario = Scenario(
            outcome=outcome, stage=stage, category=category, content=content, after_tokens=after_tokens, source=source
        )
    return Injection(known(vendor), scenario, wire, model, times, others)


_lock = RLock()
_active: list[Injection] = []
_installed = ExitStack()


def _enter(injection: Injection) -> None:
    with _lock:
        if not _active:
            _installed.enter_context(answering(_answer))
            given = {name for name, value in os.environ.items() if value}
            for name, known_as in _KEYS.items():
                if given.isdisjoint(known_as):
                    os.environ[name] = "us-east-1" if name.endswith("REGION") else _PLACEHOLDER
                    _installed.callback(os.environ.pop, name, None)
        _active.append(injection)


def _leave(injection: Injection) -> None:
    with _lock:
        _active.remove(injection)
        if not _active:
            _installed.close()


def _answer(request: Request) -> Reply | None:
    """What a call gets that may be one of a vendor; None sends it on its way."""
    vendor = speakers.vendor_of(request)
    if vendor is None:
        return None
    if request.on_socket and request.json is not None:
        return _answer_message(request, vendor)
    return _decide(request, vendor)


def _answer_message(request: Request, vendor: str) -> Reply | None:
    """What a message gets on a WebSocket that was opened to an injection.

    The application waits at the other end: what is blocked breaks the connection, and the injection raises it at its
    end.
    """
    if not speakers.asks(request):
        return speakers.answer(request, COMPLETED)
    try:
        reply = _decide(request, vendor)
        if reply is None:
            raise CallBlocked(f"{request.path} of {vendor} is connected to an injection: no message of it can pass")
    except CallBlocked as blocked:
        with _lock:
            for injection in _active[-1:]:
                injection.blocked.append(blocked)
        return Reply(cut=True)
    return reply


def _decide(request: Request, vendor: str) -> Reply | None:
    """The innermost injection that wants the request; what the innermost says of a call that none wants."""
    try:
        with _lock:
            for injection in reversed(_active):
                reply = injection.offer(request, vendor)
                if reply is not None:
                    return reply
            return _active[-1].refuse_to_leave(request, vendor) if _active else None
    except NotSpokenError as error:
        raise CallBlocked(str(error)) from error
