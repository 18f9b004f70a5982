"""One observed call, from the moment the caller made it until somebody, anybody, ends it.

    OPEN -- whole() / item() --> OPEN -- end() / end(error) / the last reference dropped --> REPORTED, once

The law of this module: every method may be called by any thread, in any order and any number of times, and none raises.
What it costs the caller is paid here, so a completed call does no more than it must.
"""

from __future__ import annotations

from contextlib import suppress
from contextvars import copy_context
from time import time_ns
from typing import TYPE_CHECKING, Any
from weakref import ReferenceType, ref

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import Span

from otel_refusals.cuts import is_cut
from otel_refusals.failure import never_fails, swallow
from otel_refusals.leftovers import OPEN, ORPHANS, inside_a_lock, report_at_exit_once, report_orphans
from otel_refusals.outcome import MISSING, Ending, Errored, Incomplete, Outcome, ToolCall, Unknown
from otel_refusals.reader import Reader, text
from otel_refusals.vendor import Endpoint

if TYPE_CHECKING:
    from otel_refusals.telemetry import Telemetry
    from otel_refusals.wire import Decoder


class Operation:
    """One GenAI call as the caller made it, with its retries, fallbacks and stream.

    Args:
        telemetry: Receives the one report.
        vendor_name: The SDK, for our own errors.
        endpoint: The route that was called.
        provider: Value of `gen_ai.provider.name`.
        model: The requested model; None where the request names none.
        context: The context of the call; by default the current one.
        reader: The reader, where it has read already: then the call is over, and its span is not the current one.
    """

    __slots__ = (
        "__weakref__",
        "_annotated",
        "_answer",
        "_error",
        "_failed_by",
        "_plain",
        "_reader",
        "_telemetry",
        "_whole",
        "context",
        "decided_at",
        "due",
        "endpoint",
        "model",
        "provider",
        "replay_id",
        "span",
        "started_at",
        "streaming",
        "tapped",
        "vendor_name",
        "watched",
    )

    def __init__(
        self,
        telemetry: Telemetry,
        vendor_name: str,
        endpoint: Endpoint,
        provider: str,
        model: str | None,
        context: Context | None = None,
        reader: Reader | None = None,
    ) -> None:
        # Empty once the report was made, or is being made, so that nothing more can be learned. What is in a list is
        # taken once, whoever else tries, and unlike that of a lock its state is seen without a call.
        self.due: list[None] = [None]
        self._telemetry = telemetry
        self._annotated: Outcome | None = None
        self._failed_by: str | None = None
        self._error: ReferenceType[Exception] | None = None
        self._whole = reader is not None
        self.decided_at = 0
        self.vendor_name = vendor_name
        self.endpoint = endpoint
        self.provider = provider
        self.model = model
        self._reader = reader
        self._answer: object = None  # of which one look told everything:
        self._plain: Ending | None = None
        self.replay_id: str | None = None
        # The context and the call's span belong to the moment of the call: a stream is read in another.
        self.context = otel_context.get_current() if context is None else context
        self.span: Span | None = None
        if reader is None and self.context:
            self._use_current_span()
        if ORPHANS:
            report_orphans()
        self.started_at = time_ns()
        # Whether the answer is still to arrive; and somebody is sure to end this.
        self.streaming = self.watched = False
        # The SDK's iterator, where a tap is over it: while that reads, the answer is seen as items, not as bytes.
        self.tapped: ReferenceType[Any] | None = None

    @never_fails
    def _use_current_span(self) -> None:
        self.span = self._telemetry.call_span(self.context)

    @property
    def reader(self) -> Reader:
        """What reads the answer. Made when there is something to read: of a plain answer, there mostly is not."""
        reader = self._reader
        if reader is None:
            reader = self._reader = self.endpoint.reader()
            if self._answer is not None:
                reader.feed(self._answer)
        return reader

    @property
    def error(self) -> Exception | None:
        """The exception that the caller gets, where it is how the vendor answered."""
        return None if self._error is None else self._error()

    @property
    def unread(self) -> bool:
        """Whether nothing of the answer was seen yet."""
        return not (self._whole or (self._reader is not None and self._reader.decided))

    def streams(self) -> None:
        """Know that the answer is still to arrive, and may be left at any moment, the end of the process included."""
        self.streaming = True
        OPEN.add(self)
        report_at_exit_once()

    @never_fails
    def body(self, decoder: Decoder) -> None:
        """Read what the end of a body completes: the last event, or the whole response."""
        for wire in decoder.end():
            self._take(wire)
        # A document is here in full, so a missing stop reason is missing for good; events may have been cut.
        self._whole = not (decoder.events or decoder.gave_up)
        if self._plain is not None or self.reader.decided:
            self._decide()

    def plain(self, response: object) -> bool:
        """Report by the shortest way, where one look at a whole response tells that it ended as most do.

        Returns:
            Whether it did. If not, nothing was read.
        """
        look = self.endpoint.plain
        outcome = None if look is None or self._reader is not None else look(response)
        if outcome is None:
            return False
        try:
            self.due.pop()
        except IndexError:
            return True
        self._answer = response
        try:
            if self.endpoint.results == "stored":  # and may be asked for again
                self._telemetry.seen.first(self._result_id())
            self._telemetry.report_plain(self, outcome)
        except Exception as error:
            swallow(error, "Operation.plain", self.vendor_name)
        return True

    def whole(self, response: object) -> None:
        """Read a whole response; of several, as a client-side fallback makes them, the last stands."""
        self._whole = True
        try:
            self._take(response)
            self.decided_at = self.decided_at or time_ns()
            if self.span is not None:
                self._annotate(self._outcome())
        except Exception as error:
            swallow(error, "Operation.whole", self.vendor_name)

    def _take(self, response: object) -> None:
        """Look at a whole response, and read it where one look does not tell how it ended."""
        look = self.endpoint.plain
        self._plain = None if look is None or self._reader is not None else look(response)
        if self._plain is None:
            self.reader.feed(response)
        else:
            self._answer = response

    def item(self, item: object) -> None:
        """Read one item of a stream."""
        reader = self.reader
        try:
            reader.feed(item)
            if reader.decided:
                self._decide()
        except Exception as error:
            swallow(error, "Operation.item", self.vendor_name)

    def end(self, error: BaseException | None = None) -> None:
        """Report how the operation ended. Only the first call does."""
        if isinstance(error, GeneratorExit):  # a coroutine or a generator is closed that nobody goes on with
            self.leave()
            return
        try:
            self.due.pop()
        except IndexError:
            return
        try:
            if error is not None:
                self._learn(error)
            if not getattr(self._reader, "generates", True):
                return  # the answer shows that this was no operation: the model's name had not
            outcome = self._outcome()
            if self.span is not None and (self.streaming or outcome is not self._annotated):
                self.settle(outcome)
            results = self.endpoint.results
            if results == "once" or self._telemetry.seen.is_news(results, outcome, self._result_id()):
                self._telemetry.report(self, outcome)
        except Exception as failure:
            swallow(failure, "Operation.end", self.vendor_name)

    @never_fails
    def settle(self, outcome: Outcome | None = None) -> None:
        """Write on the span, which its maker is about to end, what is reported or, so far, would be."""
        self._annotate(outcome or self._outcome(), final=True)

    @never_fails
    def leave(self, error: BaseException | None = None) -> None:
        """Report that nobody reads on, from a place that the garbage collector may have called.

        It strikes anywhere, also inside a lock of OpenTelemetry, where telemetry would wait for itself: then the report
        is left to the next operation. And inside `ContextVar.set`, which before CPython 3.12 uses freed memory where
        somebody else sets a variable of the same context meanwhile, as `SimpleSpanProcessor` does: so it gets a copy.
        """
        if not self.due:
            return
        if inside_a_lock():
            ORPHANS.append(self)
        else:
            copy_context().run(self.end, error)

    def forget(self) -> None:
        """Report nothing: in a forked child, the parent does."""
        self.due.clear()

    def __del__(self) -> None:
        if self.due:
            self.leave()  # the last reference went: nobody can learn anything more

    def _decide(self) -> None:
        if not self.decided_at:
            self.decided_at = time_ns()
        if self.span is not None:
            self._annotate(self._outcome())

    @never_fails
    def _learn(self, error: BaseException) -> None:
        # What the vendor said stands: an exception after it comes from the SDK's own parsing of the answer. A
        # cancellation says nothing about the vendor, nor does a connection that broke in the middle of an answer. Only
        # a tool call may be answered within the operation, by an SDK that runs tools: then the next request failed.
        answered = self.endpoint.runs_tools and isinstance(self.reader.outcome(), ToolCall)
        said = self.reader.decided and not answered
        if said or not isinstance(error, Exception):
            return
        if self.streaming and is_cut(error):
            return
        self.decided_at = time_ns()
        self._failed_by = type(error).__name__
        with suppress(TypeError):  # of a kind that cannot be referred to weakly
            self._error = ref(error)
        self.reader.feed(error)

    def _outcome(self) -> Outcome:
        try:
            outcome = self._plain if self._reader is None else self._reader.outcome()
        except Exception as error:  # the operation is still reported, by what is known without its reader
            swallow(error, "Reader.outcome", self.vendor_name)
            outcome = None
        if outcome is None:
            if self._failed_by is not None:
                return Errored(self._failed_by)
            outcome = Unknown(MISSING) if self._whole else Incomplete()
        if isinstance(outcome, Unknown):
            return self._telemetry.taught(self.provider, outcome)
        return outcome

    def _result_id(self) -> str | None:
        """The vendor's id of the result, by which it can be asked for again."""
        return self.replay_id or (text(self._answer, "id") if self._reader is None else self._reader.response_id)

    def _annotate(self, outcome: Outcome, *, final: bool = False) -> None:
        if self.span is None or (outcome == self._annotated and not (final and self.streaming)):
            return
        self._annotated = outcome
        # What is written on a span stays: tokens of a stream are known for good at its end only.
        self._telemetry.annotate(self.span, self, outcome, tokens=final or not self.streaming)
