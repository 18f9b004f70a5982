"""Plots of a report as SVG, by matplotlib: static, so that a page needs no script, and drawn to scale by a library."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from otel_refusals.sampling.report import Group
from otel_refusals.sampling.words import interval, value

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLORS = ("#3b6fb6", "#d97706", "#0f8a6d", "#9d4edd", "#c2334d", "#64748b")
_INK, _FAINT = "#1f2937", "#d1d5db"
_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text, in the reader's font
    "svg.hashsalt": "otel-refusals",  # the same report is the same picture
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica", "Arial", "DejaVu Sans"],
    "font.size": 11,
    "text.parse_math": False,  # a name with dollars in it is a name
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}
_MOST = 12
"""So many groups or categories are drawn; the tables have all of them."""

_NAME = 40


def rates(groups: Sequence[Group]) -> str:
    """The refusal rate of each group with its interval, as the address of an image."""
    drawn = [group for group in groups if group.refused][:_MOST]

    def draw(axes: Axes) -> None:
        for row, group in enumerate(drawn):
            _point(axes, group, group.outcomes.get("refused", 0), row, _color(groups, group))
            axes.annotate(
                f"{value(group.refused)}  ({interval(group.refused)})",
                (group.refused.interval.high if group.refused else 0, row),
                xytext=(8, 0),
                textcoords="offset points",
                va="center",
            )
        _rows(axes, [group.name for group in drawn])
        axes.margins(x=0.35)

    return _svg(0.9 + 0.5 * len(drawn), draw) if drawn else ""


def kinds(groups: Sequence[Group], counted: Callable[[Group], list[tuple[str, int]]]) -> str:
    """The share of each category or stage with its interval, by group, as the address of an image."""
    drawn = [group for group in groups if group.kinds and group.answered][: len(_COLORS)]
    names = list(dict.fromkeys(name for group in drawn for name, _ in counted(group)))[:_MOST]

    def draw(axes: Axes) -> None:
        for index, group in enumerate(drawn):
            counts = dict(counted(group))
            shift = (index - (len(drawn) - 1) / 2) * 0.6 / len(drawn)
            for row, name in enumerate(names):
                _point(axes, group, counts.get(name, 0), row + shift, _color(groups, group))
            axes.plot([], [], "o", color=_color(groups, group), label=_short(group.name))
        _rows(axes, names)
        if len(drawn) > 1:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, handletextpad=0.2)

    height = 0.9 + (0.3 + 0.2 * len(drawn)) * len(names) + (0.3 * ((len(drawn) + 1) // 2) if len(drawn) > 1 else 0)
    return _svg(height, draw) if names else ""


def _point(axes: Axes, group: Group, count: int, row: float, color: str) -> None:
    """A share and its interval on a line; nothing for what is no share."""
    share = group.share(count)
    if share is None:
        return
    low, high = share.interval
    axes.errorbar(
        share.value,
        row,
        xerr=[[max(share.value - low, 0.0)], [max(high - share.value, 0.0)]],
        fmt="o",
        color=color,
        capsize=4,
        elinewidth=2.2,
        markersize=7,
        clip_on=False,
    )


def _rows(axes: Axes, names: Sequence[str]) -> None:
    from matplotlib.ticker import PercentFormatter

    axes.set_yticks(range(len(names)), [_short(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="x", color=_FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_FAINT)
    axes.set_xlabel("of answered requests")


def _color(groups: Sequence[Group], group: Group) -> str:
    return _COLORS[groups.index(group) % len(_COLORS)]


def _short(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def _svg(height: float, draw: Callable[[Axes], None]) -> str:
    """The picture inside of an address: as an image it can neither run a script nor load anything."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure: Figure = Figure(figsize=(9, height), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        draw(axes)
        drawn = BytesIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.getvalue()).decode()}"
