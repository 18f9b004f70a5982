"""`otel-refusals read FILE`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import click
from opentelemetry.metrics import get_meter_provider
from rich.console import Console

from otel_refusals.batch import BatchResult, read_batch
from otel_refusals.cli.batch_results import batch_as_json, holds_batch, summary
from otel_refusals.cli.explain import Answer, as_json, explain
from otel_refusals.config import ConfigurationError, configure, outcome_from
from otel_refusals.outcome import MISSING, Incomplete, Outcome, Unknown
from otel_refusals.reader import Reader, field, text
from otel_refusals.reading import read as read_wires
from otel_refusals.vendor import Endpoint, Vendor
from otel_refusals.vendors import VENDORS
from otel_refusals.wire import WireFormatError, wire_objects


class Unreadable(click.ClickException):
    """A file that holds no response; says which and why."""

    exit_code = 2

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")


@click.command()
@click.argument("file", type=click.Path(allow_dash=True))
@click.option("--json", "machine", is_flag=True, help="Print JSON for machines.")
@click.option(
    "--explain",
    "prose",
    is_flag=True,
    help="Show the vendor's explanation too, which may repeat text of the conversation.",
)
@click.option(
    "--count", is_flag=True, help="Report each result of a batch to OpenTelemetry; run it by opentelemetry-instrument."
)
def read(file: str, *, machine: bool, prose: bool, count: bool) -> None:
    """Explain one response: who declined, when, why, and what was discarded; or the results of a batch, together.

    FILE holds the body of a response as JSON, as server-sent events or as one event per line of JSON, or the results
    of a batch, one per line; - is standard input.
    """
    name = "standard input" if file == "-" else file
    body = _body(file, name)
    if holds_batch(body):
        results = list(_results(name, body, count=count))
        if machine:
            click.echo(json.dumps({"file": name, **batch_as_json(results)}, indent=2))
        else:
            Console(highlight=False).print(summary(results))
        return
    if count:
        raise Unreadable(name, "holds no results of a batch, and only those are counted")
    answer = _answer(name, body)
    if machine:
        click.echo(json.dumps({"file": name, **as_json(answer, prose=prose)}, indent=2))
    else:
        Console(highlight=False).print(explain(answer, prose=prose))


def _body(file: str, name: str) -> bytes:
    try:
        body = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Unreadable(name, (error.strerror or type(error).__name__).lower()) from None
    body = body.removeprefix(b"\xef\xbb\xbf")
    if not body.strip():
        raise Unreadable(name, "is empty")
    return body


def _results(name: str, body: bytes, *, count: bool) -> Iterator[BatchResult]:
    if count and type(get_meter_provider()).__module__.startswith("opentelemetry.metrics"):  # the API's, which drops
        raise click.UsageError("--count needs an OpenTelemetry SDK: opentelemetry-instrument otel-refusals read ...")
    try:
        yield from read_batch(body, count=count)
    except WireFormatError as error:
        raise Unreadable(name, str(error)) from None
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from None


def _answer(name: str, body: bytes) -> Answer:
    try:
        wires = wire_objects(body)
    except (ValueError, RecursionError):
        hint = "; save the body without the HTTP headers" if body.startswith(b"HTTP/") else ""
        raise Unreadable(name, f"is neither JSON nor server-sent events{hint}") from None
    if not wires:
        raise Unreadable(name, "holds server-sent events, but none with JSON")
    if len(wires) == 1 and isinstance(wires[0], list):
        wires = wires[0]
    responses = sum(_is_response(wire) for wire in wires)
    if responses > 1:
        raise Unreadable(name, f"holds {responses} responses; give one")
    # A stream that was cut after its first event is no whole response, although it is one object.
    whole = len(wires) == 1 and body.lstrip().startswith(b"{")
    try:
        reader, _ = read_wires(wires)
    except TypeError:
        vendors = " or ".join(vendor.name for vendor in VENDORS)
        raise Unreadable(name, f"holds JSON that is no response of {vendors}") from None
    outcome = reader.outcome() or (Unknown(MISSING) if whole else Incomplete())
    vendor = next(vendor for vendor in VENDORS for endpoint in vendor.endpoints if _makes(endpoint, reader))
    return Answer(
        outcome=_taught(outcome, vendor),
        vendor=vendor.name,
        provider=vendor.providers[0],
        shape=text(wires[0], "object") or text(wires[0], "type") or "error",
        events=len(wires),
        choices=len(reader.finish_reasons) or 1,
        response_id=reader.response_id,
        response_model=reader.response_model,
    )


def _makes(endpoint: Endpoint, reader: Reader) -> bool:
    return isinstance(reader, cast("type", endpoint.reader))


def _is_response(wire: object) -> bool:
    """Whether `wire` is a whole response, of which a stream's events hold none."""
    return field(wire, "type") == "message" or field(wire, "object") in ("chat.completion", "response")


def _taught(outcome: Outcome, vendor: Vendor) -> Outcome:
    """`outcome` as the person has taught it, like the instrumentation would report it."""
    try:
        taught = configure().stop_reasons or {}
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from None
    if isinstance(outcome, Unknown):
        for provider in vendor.providers:
            word = taught.get((provider, outcome.signal))
            if word is not None:
                return outcome_from(word, outcome.signal)
    return outcome
