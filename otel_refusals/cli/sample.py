"""`otel-refusals sample`."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from otel_refusals.cli.rates import FORMATS, needed, needed_by, put_out
from otel_refusals.cli.stopping import finishing
from otel_refusals.sampling.asking import VENDORS, SampleError
from otel_refusals.sampling.case import Case
from otel_refusals.sampling.journal import Journal, JournalError, Settings, open_journal
from otel_refusals.sampling.prompts import PromptsError, fingerprint, read_prompts, selected
from otel_refusals.sampling.run import Plan, Run, run
from otel_refusals.sampling.sampled import report_of

_EXIT = {"done": 0, "budget": 3, "failed": 1, "stopped": 130}
"""The exit status by how the run ended."""


@click.command()
@click.option("--vendor", type=click.Choice(list(VENDORS)), required=True, help="Whose SDK asks.")
@click.option("--model", required=True, help="The model that is measured.")
@click.option("--compare-model", help="A second model, to which the same prompts are put.")
@click.option(
    "--prompts",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="JSON lines, each with `id` and `prompt`, or `messages`.",
)
@click.option("--n", "count", type=click.IntRange(1), default=200, show_default=True, help="How many prompts to ask.")
@click.option("--concurrency", type=click.IntRange(1, 256), default=8, show_default=True, help="Requests at once.")
@click.option("--stream", is_flag=True, help="Stream the answers.")
@click.option("--max-tokens", type=click.IntRange(1), default=1024, show_default=True, help="Limit of one answer.")
@click.option("--max-total-tokens", type=click.IntRange(1), help="Budget: input and output together, never exceeded.")
@click.option("--seed", type=int, default=0, show_default=True, help="By which prompts are chosen.")
@click.option("--base-url", metavar="URL", help="Ask there instead of the vendor.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The journal; by default beside the prompts, with the ending .journal.",
)
@click.option(
    "--in-doubt",
    type=click.Choice(["ask", "leave"]),
    default="ask",
    show_default=True,
    help="Requests that a killed run had sent, and whose answer never came: ask again, or leave out.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--show-prompts", is_flag=True, help="Show the text of declined prompts in the report, too.")
def sample(
    *,
    vendor: str,
    model: str,
    compare_model: str | None,
    file: Path,
    count: int,
    concurrency: int,
    stream: bool,
    max_tokens: int,
    max_total_tokens: int | None,
    seed: int,
    base_url: str | None,
    out: Path | None,
    in_doubt: str,
    form: str,
    show_prompts: bool,
) -> None:
    """Measure how often a model declines your own prompts, before you trust anybody's figure.

    Chosen prompts go to the vendor by its own SDK, with the key from the SDK's environment variable. Every answer's
    outcome is kept in a journal, without its text: after Ctrl-C, or worse, the same command goes on where it was, and
    asks nothing twice that was answered. The report goes to standard output, all else to standard error.
    """
    needed((*needed_by(form), vendor), f"sample,{vendor}")
    if compare_model == model:
        raise click.BadParameter("is the model itself", param_hint="--compare-model")
    models = (model, compare_model) if compare_model else (model,)
    err = Console(stderr=True, highlight=False)
    try:
        prompts = read_prompts(file)
        chosen = selected(prompts, count, seed)
        settings = Settings(
            vendor=vendor,
            models=models,
            prompts=fingerprint(prompts),
            seed=seed,
            stream=stream,
            max_tokens=max_tokens,
            base_url=base_url,
        )
        plan = Plan(
            prompts=chosen,
            models=models,
            max_tokens=max_tokens,
            concurrency=concurrency,
            max_total_tokens=max_total_tokens,
            again=in_doubt == "ask",
        )
        if len(chosen) < count:
            err.print(f"{file} holds {len(chosen)} prompts; all of them are asked.", soft_wrap=True)
        with open_journal(out or Path(f"{file}.journal"), settings) as journal:
            result = _run(plan, journal, settings, err)
            report = report_of(plan, journal, result, show_prompts=show_prompts)
    except (PromptsError, JournalError, SampleError) as error:
        raise click.ClickException(str(error)) from None
    put_out(report, form)
    _tell_end(result, journal, err)
    raise SystemExit(_EXIT[result.end])


def _run(plan: Plan, journal: Journal, settings: Settings, err: Console) -> Run:
    """Ask, with a bar on a terminal; the first Ctrl-C lets what is under way finish, the second does not."""
    asking = VENDORS[settings.vendor]

    async def asked(stopping: Callable[[], bool], seen: Callable[[Case], None]) -> Run:
        async with asking(base_url=settings.base_url, stream=settings.stream, max_tokens=settings.max_tokens) as ask:
            return await run(plan, journal, ask, stopping=stopping, seen=seen)

    try:
        with finishing(lambda: err.print(_FINISHING, soft_wrap=True)) as stopping, _bar(plan, journal, err) as seen:
            return asyncio.run(asked(stopping, seen))
    except KeyboardInterrupt:
        err.print(_resume("Stopped at once; what was under way is in doubt.", journal), soft_wrap=True)
        raise SystemExit(_EXIT["stopped"]) from None


_FINISHING = "Stopping: waiting for what was sent, as it is paid for. Ctrl-C again does not wait."


@contextmanager
def _bar(plan: Plan, journal: Journal, err: Console) -> Iterator[Callable[[Case], None]]:
    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("answered  [yellow]{task.fields[refused]}[/] refused  {task.fields[tokens]:,} tokens"),
        TimeRemainingColumn(),
    )
    keys = {(prompt.id, model) for prompt, model in plan.requests()}
    before = [case for key, case in journal.answered.items() if key in keys]
    if before:
        err.print(f"{len(before)} of {len(keys)} requests are answered in {journal.path}.", soft_wrap=True)
    refused, tokens = sum(case.outcome == "refused" for case in before), sum(map(_tokens, before))
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=len(keys), completed=len(before), refused=refused, tokens=tokens)

        def seen(case: Case) -> None:
            nonlocal refused, tokens
            refused, tokens = refused + (case.outcome == "refused"), tokens + _tokens(case)
            bar.update(task, advance=1, refused=refused, tokens=tokens)

        yield seen


def _tokens(case: Case) -> int:
    return (case.input_tokens or 0) + (case.output_tokens or 0)


def _tell_end(result: Run, journal: Journal, err: Console) -> None:
    """Why it is not complete, and how to go on."""
    if result.end == "budget":
        told = f"The budget has no room for another request; {result.spent:,} tokens are used."
        err.print(_resume(told, journal, "with a higher --max-total-tokens"), soft_wrap=True)
    elif result.end == "stopped":
        err.print(_resume("Stopped.", journal), soft_wrap=True)
    elif result.end == "failed":
        err.print(Text(f"Error: {result.why}", "bold red"), soft_wrap=True)
        err.print(_resume("", journal), soft_wrap=True)


def _resume(told: str, journal: Journal, how: str = "") -> Text:
    command = shlex.join(["otel-refusals", *sys.argv[1:]])
    return Text(
        f"{told} Every answer is in {journal.path}. Go on {f'{how}, else ' if how else ''}"
        f"with the same command:\n  {command}".lstrip()
    )
