"""The figures of docs/fleet.md, worked out from the names and the closed sets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from otel_refusals import names
from otel_refusals.bundle.plain import MIMIR_RULES_PER_GROUP
from otel_refusals.bundle.series import metric_name
from otel_refusals.config import LabelCaps
from otel_refusals.disposition import Disposition
from otel_refusals.names import TIME_BUCKETS, Metric
from otel_refusals.outcome import Category, Outcome, Source, Stage
from otel_refusals.telemetry import _MAX_ERROR_TYPES

TEXT = (Path(__file__).parents[2] / "docs/fleet.md").read_text()
PLAIN = " ".join(TEXT.split())

OUTCOMES = len(get_args(Outcome))
CATEGORIES, STAGES, SOURCES = len(get_args(Category)), len(get_args(Stage)), len(get_args(Source))
DECLINED = 2  # refused and rescued
HISTOGRAM = len(TIME_BUCKETS) + 1 + 2  # with +Inf, the count and the sum
SIGNALS = LabelCaps().signals + 1  # with _OTHER
FIRST = 4  # the outcome itself, and a zero for refused, rescued and unknown

AT_MOST = {
    names.OPERATIONS: OUTCOMES - 1 + _MAX_ERROR_TYPES,
    names.REFUSALS: DECLINED * CATEGORIES * STAGES * SOURCES,
    names.DISCARDED_INPUT_TOKENS: CATEGORIES * STAGES,
    names.DISCARDED_OUTPUT_TOKENS: CATEGORIES * STAGES,
    names.UNKNOWN_STOP_REASONS: SIGNALS,
    names.UNKNOWN_LAST_SEEN: SIGNALS,
    names.TIME_TO_REFUSAL: STAGES * HISTOGRAM,
}
REFUSED = {
    names.OPERATIONS: FIRST,
    names.REFUSALS: 1,
    names.DISCARDED_INPUT_TOKENS: 1,
    names.DISCARDED_OUTPUT_TOKENS: 1,
    names.TIME_TO_REFUSAL: HISTOGRAM,
}


@pytest.mark.parametrize("metric", AT_MOST, ids=lambda metric: metric.name)
def test_a_row_of_the_table_is_what_the_closed_sets_give(metric: Metric) -> None:
    """After the first call, after the first refusal, and at most."""
    called = FIRST if metric is names.OPERATIONS else 0

    assert f"| `{metric_name(metric)}` | {called} | {REFUSED.get(metric, 0)} | {AT_MOST[metric]} |" in TEXT


def test_the_last_row_is_the_sum() -> None:
    """Of each column."""
    assert f"| **together** | **{FIRST}** | **{sum(REFUSED.values())}** | **{sum(AT_MOST.values())}** |" in TEXT


def test_the_dispositions_in_the_text_are_those_of_the_code() -> None:
    """Each category with each disposition."""
    assert (
        f"one series per category and disposition that occurs, {CATEGORIES * len(get_args(Disposition))} at most"
        in PLAIN
    )


def test_the_sets_in_the_text_are_those_of_the_code() -> None:
    """Outcomes, kinds of errors, categories, stages, sources, signals, histogram."""
    assert (
        f"{OUTCOMES} outcomes with {_MAX_ERROR_TYPES} kinds of errors, {CATEGORIES} categories, {STAGES} stages, "
        f"{SOURCES} sources, {SIGNALS - 1} unknown signals, and {HISTOGRAM} series of each histogram"
    ) in PLAIN


def test_the_worked_example_adds_up() -> None:
    """Four categories in two stages by one source, three kinds of errors, every outcome."""
    kinds = 4 * 2
    parts = (OUTCOMES - 1 + 3, DECLINED * kinds, kinds, kinds, 2 * HISTOGRAM)
    bases = 40 * 3 * 4

    assert f"has {' + '.join(map(str, parts))} = {sum(parts)}." in PLAIN
    assert f"has {bases * FIRST:,} series before anything is refused, {bases * sum(REFUSED.values()):,} after" in PLAIN
    assert f"and {bases * sum(parts):,} if all of them" in PLAIN


def test_caps_and_limits_are_those_of_the_code() -> None:
    """Of labels, and of Mimir's groups."""
    caps = LabelCaps()

    assert f"past their cap ({caps.models}, {caps.workloads} and {caps.signals} per process)" in PLAIN
    assert f"{MIMIR_RULES_PER_GROUP} rules in a group" in PLAIN


def test_every_option_and_target_is_told_in_the_page_on_loading() -> None:
    """And none that there is not."""
    from otel_refusals import cli
    from otel_refusals.bundle.export import TARGETS

    page = (Path(__file__).parents[2] / "docs/bundle.md").read_text()
    group = cli.commands().commands["bundle"]
    options = {
        name for command in group.commands.values() for p in command.params for name in p.opts if name.startswith("--")
    }

    assert set(TARGETS) == set(
        re.findall(r"^\| `(\w+)` \| (?!means)", page.partition("## As files")[2].partition("## Thr")[0], re.MULTILINE)
    )
    assert options <= set(re.findall(r"--[a-z-]+", page))
