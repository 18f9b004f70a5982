"""The command line `otel-refusals`.

Nothing heavy is imported before a command is known to be wanted: the package itself works without click and rich.
"""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click

MISSING = (
    "otel-refusals: the command line needs click, rich and PyYAML; "
    "install them with: pip install 'otel-refusals[cli]', or '[demo]' for the demo\n"
)


def main() -> None:
    """Run the command that the arguments name."""
    try:
        command = commands()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("click", "rich", "yaml"):
            raise
        sys.stderr.write(MISSING)
        raise SystemExit(2) from None
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows a question mark, not a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    command(prog_name="otel-refusals")


def commands() -> click.Group:
    """The group of all commands."""
    import click

    from otel_refusals import __version__
    from otel_refusals.cli.bundle import bundle
    from otel_refusals.cli.demo import demo
    from otel_refusals.cli.doctor import doctor
    from otel_refusals.cli.observe import observe
    from otel_refusals.cli.read import read
    from otel_refusals.cli.report import report
    from otel_refusals.cli.sample import sample
    from otel_refusals.cli.scan import scan_command
    from otel_refusals.cli.stub import stub
    from otel_refusals.cli.traffic import traffic

    @click.group("otel-refusals", context_settings={"help_option_names": ["-h", "--help"]})
    @click.version_option(__version__, prog_name="otel-refusals")
    def group() -> None:
        """See every call to an LLM that was declined, although it answered 200."""

    group.add_command(bundle)
    group.add_command(demo)
    group.add_command(doctor)
    group.add_command(observe)
    group.add_command(read)
    group.add_command(stub)
    group.add_command(scan_command)
    group.add_command(report)
    group.add_command(sample)
    group.add_command(traffic)
    return group
