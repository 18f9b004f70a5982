"""The seam of WebSockets: every event that a connection delivers goes through its `parse_event`.

One connection carries one operation after another, or several at once. Each begins with an event, ends with one, and
is left open when the connection goes before that.

The law of this module: a connection lives as long as it would without us; what is kept for it goes with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from opentelemetry.context import get_current

from otel_refusals.failure import swallow
from otel_refusals.operation import Operation
from otel_refusals.reader import MAX_TRACKED
from otel_refusals.suppression import is_suppressed
from otel_refusals.telemetry import Telemetry
from otel_refusals.vendor import Chokepoint, Frame, Vendor

_Lanes = dict[str, Operation]


class Sockets:
    """The wrapper for one connection class.

    Args:
        vendor: Whose.
        telemetry: Receives the reports.
        point: The `parse_event` of the class.
    """

    def __init__(self, vendor: Vendor, telemetry: Telemetry, point: Chokepoint) -> None:
        self._vendor = vendor
        self._telemetry = telemetry
        self._frame = point.frame
        self._connections: WeakKeyDictionary[Any, _Lanes] = WeakKeyDictionary()

    def parse_event(
        self, wrapped: Callable[..., Any], connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Around `parse_event(data)`, whoever calls it: `recv`, iteration, or the application itself."""
        event = wrapped(*args, **kwargs)
        try:
            frame = self._frame(event) if self._frame else None
            if frame is not None:
                self._see(connection, frame)
        except Exception as error:
            swallow(error, "Sockets.parse_event", self._vendor.name)
        return event

    def _see(self, connection: Any, frame: Frame) -> None:
        lanes = self._connections.setdefault(connection, {})
        operation = lanes.get(frame.lane)
        if operation is None:
            if not (frame.first or frame.last) or len(lanes) >= MAX_TRACKED or is_suppressed(get_current()):
                return
            operation = self._begin(connection, frame)
            lanes[frame.lane] = operation
        operation.item(frame.wire)
        if frame.last:
            del lanes[frame.lane]
            operation.end()

    def _begin(self, connection: Any, frame: Frame) -> Operation:
        provider = self._vendor.provider_of(connection)
        operation = Operation(self._telemetry, self._vendor.name, frame.endpoint, provider, None)
        operation.streams()
        return operation
