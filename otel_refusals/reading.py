"""`outcome_of`: the reading of one response, without instrumentation."""

from __future__ import annotations

from dataclasses import replace

from otel_refusals.origins import origin_of
from otel_refusals.outcome import MISSING, Incomplete, Outcome, Refused, Rescued, Unknown
from otel_refusals.reader import Reader
from otel_refusals.vendors import reader_for
from otel_refusals.vendors._batch_line import BatchLineReader
from otel_refusals.wire import wire_objects


def outcome_of(response: object) -> Outcome:
    """How a response ended, whichever vendor sent it.

    Args:
        response: The response object of an SDK, an exception of one, the same as JSON (a mapping, or text or bytes of
            JSON or of server-sent events), or a list of a stream's events.

    Returns:
        One of the outcome types, with the `origin` of an operation that the instrumentation saw. A stop reason that no
        reader knows is `Unknown`, also where the configuration of the instrumentation teaches it.

    Raises:
        TypeError: for something that no reader knows.
        WireFormatError: for text or bytes that are neither JSON nor server-sent events; a `ValueError`.
    """
    reader, whole = read(response)
    outcome = reader.outcome() or (Unknown(MISSING) if whole else Incomplete())
    if isinstance(outcome, (Refused, Rescued, Unknown)):
        return replace(outcome, origin=origin_of(response, reader.response_id))
    return outcome


def read(response: object) -> tuple[Reader, bool]:
    """The reader that has read `response`, and whether it was a whole response rather than a stream's events."""
    if isinstance(response, str):
        response = response.encode("utf-8", "surrogatepass")  # as the JSON parser reads it
    if isinstance(response, (bytes, bytearray)):
        found = wire_objects(bytes(response))
        is_json = response.lstrip()[:1] in b"{["
        response = found[0] if is_json and len(found) == 1 else found
    wires = response if isinstance(response, list) else [response]
    reader = next(filter(None, map(reader_for, wires)), None)
    if reader is None:
        raise TypeError(f"no reader knows this: {type(response).__name__} is not a response of a supported vendor")
    if isinstance(reader, BatchLineReader) and len(wires) > 1:
        raise TypeError(f"this holds the results of {len(wires)} requests: read_batch reads them")
    for wire in wires:
        reader.feed(wire)
    return reader, wires is not response
