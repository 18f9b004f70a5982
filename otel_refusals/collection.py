"""An answer that lists how many operations ended: the results of a batch, the events or turns of a session.

What it lists is shown again by every download, page and reconnect, so each operation is reported once, by the
vendor's id. The call that fetches the list is no operation itself.

The law of this module: an item is read when the caller takes it, and nothing of it is kept but its id.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from opentelemetry.context import Context, get_current

from otel_refusals.failure import never_fails
from otel_refusals.operation import Operation
from otel_refusals.reader import Reader, items, text
from otel_refusals.tap import AsyncTap, Everything, Tap
from otel_refusals.telemetry import Telemetry
from otel_refusals.vendor import Endpoint


class Collection:
    """Reports each operation that an answer lists.

    Args:
        telemetry: Receives the reports.
        vendor_name: The SDK, for our own errors.
        endpoint: The route that was called; its reader reads one item.
        provider: Value of `gen_ai.provider.name`.
        scope: Inside which the caller's own ids are unique: the path that was called.
    """

    __slots__ = ("_context", "_endpoint", "_provider", "_scope", "_telemetry", "_vendor_name")

    reader = Everything()

    def __init__(self, telemetry: Telemetry, vendor_name: str, endpoint: Endpoint, provider: str, scope: str) -> None:
        self._telemetry = telemetry
        self._vendor_name = vendor_name
        self._endpoint = endpoint
        self._provider = provider
        self._scope = scope
        self._context = get_current()

    @never_fails
    def see(self, answer: Any) -> None:
        """Watch a stream of items, or read the items of a page, or the one item that was fetched."""
        if hasattr(answer, "_iterator"):
            iterator = answer._iterator
            answer._iterator = (AsyncTap if hasattr(iterator, "__anext__") else Tap)(iterator, self)
            return
        page = items(answer, "data")
        for item in page or (answer,):
            self.item(item)

    @never_fails
    def item(self, item: Any) -> None:
        """Report the operation that `item` tells the end of, if it does."""
        reader = self._endpoint.reader()
        reader.feed(item)
        if not reader.decided:
            return
        report_item(
            self._telemetry, self._vendor_name, self._endpoint, self._provider, reader, item, self._scope, self._context
        )

    def end(self, error: BaseException | None = None) -> None:
        """The list ended, or broke: that says nothing about the operations on it."""


def report_item(
    telemetry: Telemetry,
    vendor_name: str,
    endpoint: Endpoint,
    provider: str,
    reader: Reader,
    item: object,
    scope: str,
    context: Context | None = None,
) -> None:
    """Report the operation that `reader` has read from `item`, unless it was reported before.

    Args:
        telemetry: Receives the report.
        vendor_name: The SDK, for our own errors.
        endpoint: What made the operation.
        provider: Value of `gen_ai.provider.name`.
        reader: Has read the item.
        item: One line, event or turn.
        scope: Inside which the caller's own ids are unique.
        context: The context of the call that fetched it; by default the current one.
    """
    endpoint = replace(endpoint, results="each")
    operation = Operation(telemetry, vendor_name, endpoint, provider, None, context, reader)
    theirs = text(item, "custom_id")
    operation.replay_id = text(item, "id") or reader.response_id or (theirs and f"{scope}/{theirs}")
    operation.end()
