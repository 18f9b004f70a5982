"""`otel-refusals traffic`."""

from __future__ import annotations

import re
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from otel_refusals.cli.alerts import show
from otel_refusals.cli.demo import require
from otel_refusals.cli.stopping import until_stopped

_LOOK_EVERY = 0.2
_EXPORT_EVERY = 5000


def _url(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """The URL, if something can be sent there."""
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", value):
        raise click.BadParameter(f"{value!r} is no URL such as http://127.0.0.1:4318")
    return value


def _address(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, int] | None:
    """The address, as a socket takes it."""
    if value is None:
        return None
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"{value!r} is no address such as 127.0.0.1:9095")
    return host, int(port)


@click.command()
@click.argument("url", callback=_url)
@click.option(
    "--webhook",
    metavar="HOST:PORT",
    callback=_address,
    help="Also take Alertmanager's notifications, and print the alerts.",
)
def traffic(url: str, webhook: tuple[str, int] | None) -> None:
    """Fill dashboards with the demo's telemetry, with no key.

    The demo's application works until you press Ctrl-C and exports OTLP over HTTP to URL, which is a Collector's, such
    as http://127.0.0.1:4318. It calls no vendor but the one of the demo, on this machine.
    """
    require()
    from otel_refusals.bundle.webhook import webhook as receive
    from otel_refusals.demo.application import OVER_AND_OVER, DemoError, application, otlp_to
    from otel_refusals.demo.endpoint import VendorEndpoint

    console = Console(highlight=False)
    try:
        with until_stopped() as stopping, VendorEndpoint() as vendor, ExitStack() as stack:
            log = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "application.log"
            if webhook:
                try:
                    stack.enter_context(receive(*webhook, lambda alert: show(console, alert)))
                except OSError as error:
                    raise DemoError(f"Nothing can listen on {webhook[0]}:{webhook[1]}: {error.strerror}.") from error
            export = otlp_to(url, _EXPORT_EVERY)
            process = stack.enter_context(application(OVER_AND_OVER, vendor.url, export, log))
            console.print(f"The demo's application is at work and exports to {url}. Ctrl-C stops it.", soft_wrap=True)
            while not stopping():
                if process.ended:
                    raise DemoError(f"The application has ended. Its last words:\n{process.last_words}")
                time.sleep(_LOOK_EVERY)
    except DemoError as error:
        Console(stderr=True, highlight=False).print(Text(str(error), "bold red"), soft_wrap=True)
        raise SystemExit(1) from None
