"""`read_batch`: how each request of a batch ended, read from the file of its results.

No SDK models the lines of such a file: it is downloaded as bytes, from OpenAI, Azure, Mistral, Google or Bedrock. The
results of an Anthropic batch are seen by the instrumentation too, where its SDK reads them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from otel_refusals.collection import report_item
from otel_refusals.instrumentation import telemetry_in_use
from otel_refusals.outcome import MISSING, Outcome, Unknown
from otel_refusals.vendor import Endpoint
from otel_refusals.vendors._batch_line import BatchLineReader
from otel_refusals.wire import WireFormatError

Source: TypeAlias = str | os.PathLike[str] | bytes | Iterable[str | bytes]


_NO_ANSWER = Endpoint("POST", "", "chat", BatchLineReader)
"""What a request whose answer is missing is taken for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """How one request of a batch ended.

    Args:
        line: Its line in the file, from 1.
        custom_id: The caller's own id of the request; None where the line has none.
        outcome: How it ended.
        provider: Value of `gen_ai.provider.name`.
        response_id: The vendor's id of the answer, None where it has none.
        response_model: The model that answered, None where the line does not say.
    """

    line: int
    custom_id: str | None
    outcome: Outcome
    provider: str
    response_id: str | None
    response_model: str | None


def read_batch(source: Source, *, count: bool = False, provider: str | None = None) -> Iterator[BatchResult]:
    """How each request of a batch ended, line by line, in constant memory.

    Args:
        source: The results: the path of the file, its content as bytes, or its lines, for example an open file.
        count: Whether each result is reported to OpenTelemetry like an operation that was seen. A result is counted
            once, by its id, however often it is read in one process.
        provider: Value of `gen_ai.provider.name`; by default that of the vendor whose form the answer has.

    Yields:
        One result per line; empty lines are passed over.

    Raises:
        WireFormatError: for a line that is no result of a batch; it names the line. What came before it was yielded,
            and reading can go on behind it with the remaining lines of an iterable.
        OSError: for a file that cannot be opened.
    """
    telemetry = telemetry_in_use() if count else None
    name, lines = _lines(source)
    vendor = endpoint = None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        wire = _parsed(line, number)
        reader = BatchLineReader()
        reader.feed(wire)
        # A request that failed has no answer to tell the vendor by: then it is that of the line before.
        vendor, endpoint = reader.found or (vendor, endpoint)
        whose = provider or (vendor.providers[0] if vendor else "unknown")
        if telemetry is not None:
            report_item(telemetry, "batch", endpoint or _NO_ANSWER, whose, reader, wire, name)
        yield BatchResult(
            line=number,
            custom_id=reader.line_id,
            outcome=reader.outcome() or Unknown(MISSING),
            provider=whose,
            response_id=reader.response_id,
            response_model=reader.response_model,
        )


def _lines(source: Source) -> tuple[str, Iterable[str | bytes]]:
    if isinstance(source, (str, os.PathLike)):
        return str(source), _of_file(Path(source))
    if isinstance(source, bytes):
        return "bytes", source.splitlines()
    return str(getattr(source, "name", "lines")), source


def _of_file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _parsed(line: str | bytes, number: int) -> object:
    try:
        wire = json.loads(line)
    except (ValueError, RecursionError):
        raise WireFormatError(f"line {number} is not JSON") from None
    if not BatchLineReader.reads(wire):
        raise WireFormatError(f"line {number} is JSON, but no result of a batch")
    return wire
