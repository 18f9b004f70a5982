"""`otel-refusals demo`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.text import Text

if TYPE_CHECKING:
    from otel_refusals.demo.run import Progress

_NEEDED = (
    "anthropic",
    "openai",
    "opentelemetry.sdk",
    "opentelemetry.distro",
    "opentelemetry.exporter.otlp.proto.http",
)


@click.command()
def demo() -> None:
    """Watch refusals that no error rate shows, with no key and no container.

    An ordinary application calls the real Anthropic and OpenAI SDKs under opentelemetry-instrument; a vendor endpoint
    on this machine answers; what arrives over OTLP is shown. Nothing leaves the machine. It takes about ten seconds.
    """
    require()
    from otel_refusals.demo.application import DemoError
    from otel_refusals.demo.run import run
    from otel_refusals.demo.screen import show

    console = Console(highlight=False)
    try:
        with _watching(console) as watch:
            result = run(watch)
    except DemoError as error:
        Console(stderr=True, highlight=False).print(Text(f"The demo failed. {error}", "bold red"))
        raise SystemExit(1) from None
    show(console, result)


def require(*more: str) -> None:
    """Make sure that what the demo's application imports is installed, and `more`.

    Raises:
        click.UsageError: when something is missing; it names the extra that brings it.
    """
    missing = [name for name in (*_NEEDED, *more) if not _installed(name)]
    if missing:
        raise click.UsageError(f"the demo needs {', '.join(missing)}: pip install 'otel-refusals[demo]'")


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # a parent package is missing
        return False


def _watching(console: Console) -> AbstractContextManager[Callable[[Progress], None]]:
    """A live bar on a terminal; two plain lines elsewhere."""
    live = console.is_terminal and not console.is_dumb_terminal and not os.environ.get("CI")
    return _live(console) if live else _plain(console)


@contextmanager
def _plain(console: Console) -> Iterator[Callable[[Progress], None]]:
    console.print("Starting an application under opentelemetry-instrument, against a vendor endpoint on this machine.")
    last: list[Progress] = []
    yield lambda progress: last.__setitem__(slice(None), [progress])
    for progress in last:
        console.print(f"It has ended: {progress.answered} calls answered, {progress.declined} refusals over OTLP.")


@contextmanager
def _live(console: Console) -> Iterator[Callable[[Progress], None]]:
    from otel_refusals.demo.app.work import CALLS

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("calls  [yellow]{task.fields[declined]}[/] refusals over OTLP"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("Starting", total=CALLS, declined=0)

        def watch(progress: Progress) -> None:
            description = "Starting" if progress.answered == 0 else "Running" if progress.answered < CALLS else "Ending"
            bar.update(task, completed=progress.answered, declined=progress.declined, description=description)

        yield watch
