"""The README says what is true: its code compiles, its settings and commands exist."""

from __future__ import annotations

import ast
import inspect
import re
from importlib.metadata import entry_points
from pathlib import Path

import otel_refusals
from otel_refusals import config

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_every_python_block_compiles_and_uses_what_exists() -> None:
    """Names of the package that do not exist would be found here."""
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)

    assert blocks
    for block in blocks:
        ast.parse(block)
        for name in re.findall(r"otel_refusals\.(\w+)", block):
            assert hasattr(otel_refusals, name), name


def test_the_configuration_table_is_that_of_the_code() -> None:
    """Every argument and every variable, and no other."""
    arguments = set(re.findall(r"^\| `(\w+)`(?:, `(\w+)`, `(\w+)`)? \|.*\|.*\|$", README, re.MULTILINE))
    mentioned = {name for names in arguments for name in names if name}
    variables = {config.SPANS, config.WORKLOAD, config.STOP_REASONS, config.CAPTURE}
    variables |= {config.MAX_LABEL_VALUES, config.PROVIDERS}

    assert set(inspect.signature(otel_refusals.instrument).parameters) <= mentioned
    assert all(f"`{variable}`" in README or f"`{variable}," in README for variable in variables | {config.DISABLED})


def test_the_commands_exist() -> None:
    """`otel-refusals read` and `demo`, and the two of the Makefile."""
    from otel_refusals.cli.read import read

    makefile = (Path(__file__).parent.parent / "Makefile").read_text()

    assert "otel-refusals" in {point.name for point in entry_points(group="console_scripts")}
    assert "read" == read.name
    assert all(f"\n{target}:" in makefile for target in ("demo", "test"))
