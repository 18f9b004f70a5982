"""PromQL with a label more in its lists, or a matcher more in its selectors, and nothing else changed."""

from __future__ import annotations

import re

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_refusals.bundle.promql import PromQLError, group_by, match, selectors

MATCHER = 'cluster=~"$cluster"'


@pytest.mark.parametrize(
    ("query", "rewritten"),
    [
        ("sum by (a) (x)", "sum by (cluster, a) (x)"),
        ("sum (x) by (a)", "sum (x) by (cluster, a)"),
        ("sum by (\n  a,\n  b\n) (x)", "sum by (cluster, \n  a,\n  b\n) (x)"),
        ("x / on (a) group_left (b) y", "x / on (cluster, a) group_left (b) y"),
        ("x / on () group_left () y", "x / on (cluster) group_left () y"),
        ("sum(x)", "sum by (cluster) (x)"),
        ("topk(5, x)", "topk by (cluster) (5, x)"),
        ('count_values("v", x)', 'count_values by (cluster) ("v", x)'),
        ("sum without (a) (x)", "sum without (a) (x)"),
        ("x and ignoring (a) y", "x and ignoring (a) y"),
        ("sum by (a, cluster) (x)", "sum by (a, cluster) (x)"),
        ('x{by="by (a)"} # sum by (a)', 'x{by="by (a)"} # sum by (a)'),
        ("time() - max by (a) (x) < 900", "time() - max by (cluster, a) (x) < 900"),
        ("SUM BY (a) (x)", "SUM BY (cluster, a) (x)"),
        ("vector(1)", "vector(1)"),
    ],
)
def test_rules_keep_the_cluster_everywhere(query: str, rewritten: str) -> None:
    """Every list keeps it, and what has no list gets one: no sum is made over two clusters."""
    assert rewritten == group_by(query, "cluster")


@pytest.mark.parametrize("query", ["sum(x)", "sum by () (x)", "x / on () group_left () sum(y)", "sum by (le) (x)"])
def test_panels_show_one_number_over_the_clusters_that_are_selected(query: str) -> None:
    """Only where workloads are told apart, clusters are."""
    assert query == group_by(query, "cluster", beside="workload")
    assert "sum by (cluster, a, workload) (x)" == group_by("sum by (a, workload) (x)", "cluster", beside="workload")


@pytest.mark.parametrize(
    ("query", "rewritten"),
    [
        ("x", "x{M}"),
        ("x{}", "x{M}"),
        ('x{a="b"}[5m]', 'x{M, a="b"}[5m]'),
        ('{__name__=~"x.*"}', '{M, __name__=~"x.*"}'),
        ("rate(x[$__rate_interval])", "rate(x{M}[$__rate_interval])"),
        ("sum by (a) (x) / on (a) group_left (b) y:z", "sum by (a) (x{M}) / on (a) group_left (b) y:z{M}"),
        ("sum(x) by (a)", "sum(x{M}) by (a)"),
        ("x[7d:1h] offset 1h", "x{M}[7d:1h] offset 1h"),
        ("x @ end() unless y", "x{M} @ end() unless y{M}"),
        ("x > bool 3 or vector(0) < Inf", "x{M} > bool 3 or vector(0) < Inf"),
        ('x{a=~"$a", b="${b:regex}"} - y', 'x{M, a=~"$a", b="${b:regex}"} - y{M}'),
        ('label_replace(x, "a", "$1", "b", "(.*)") * 1e-3', 'label_replace(x{M}, "a", "$1", "b", "(.*)") * 1e-3'),
    ],
)
def test_a_matcher_is_put_into_every_selector(query: str, rewritten: str) -> None:
    """And into nothing else: no function, label, keyword, number or string."""
    assert rewritten.replace("M", MATCHER) == match(query, MATCHER)


def test_selectors_are_what_a_query_reads() -> None:
    """Each once, with its matchers and without the rest."""
    query = 'sum by (a) (rate(x{b="c"}[5m])) / on (a) y:z offset 1h or {__name__=~"w.*"} or x{b="c"}'

    assert ['x{b="c"}', "y:z", '{__name__=~"w.*"}'] == selectors(query)


@pytest.mark.parametrize("query", ["sum by (a (x)", "x)", "x{a=1", "sum(x}"])
def test_brackets_that_do_not_match_are_an_error_that_shows_the_query(query: str) -> None:
    """Half a query is never written down."""
    with pytest.raises(PromQLError, match=re.escape(repr(query))):
        group_by(query, "cluster")


labels = st.lists(st.sampled_from(["a", "by", "on", "refusal_workload", "sum"]), max_size=3, unique=True)
spaces = st.sampled_from([" ", "\n  ", " # sum by (a) {x}\n "])
written = st.sampled_from(["x", "a:b:c", 'x{a="by (b)"}', "x{}", '{__name__=~"x|y"}'])


@st.composite
def _aggregation(draw: st.DrawFn, inner: st.SearchStrategy[tuple[str, str]]) -> tuple[str, str]:
    argument, expected = draw(inner)
    operator, word = draw(st.sampled_from(["sum", "max", "group"])), draw(st.sampled_from(["by", "without", ""]))
    names, space = draw(labels), draw(spaces)
    kept = ["cluster", *names] if word == "by" else names
    if not word:
        return f"{operator}({argument})", f"{operator} by (cluster) ({expected})"
    if draw(st.booleans()):
        left = f"{operator}{space}{word} ({', '.join(names)}){space}({argument})"
        return left, f"{operator}{space}{word} ({', '.join(kept)}){space}({expected})"
    return (
        f"{operator}({argument}){space}{word}({', '.join(names)})",
        f"{operator}({expected}){space}{word}({', '.join(kept)})",
    )


@st.composite
def _operation(draw: st.DrawFn, inner: st.SearchStrategy[tuple[str, str]]) -> tuple[str, str]:
    (left, left_expected), (right, right_expected) = draw(inner), draw(inner)
    operator, word, names = (
        draw(st.sampled_from(["+", "and", "unless"])),
        draw(st.sampled_from(["on", "ignoring"])),
        draw(labels),
    )
    kept = ["cluster", *names] if word == "on" else names
    return (
        f"({left}) {operator} {word} ({', '.join(names)}) ({right})",
        f"({left_expected}) {operator} {word} ({', '.join(kept)}) ({right_expected})",
    )


leaves = written.map(lambda selector: (f"rate({selector}[5m])", f"rate({selector}[5m])"))
queries = st.recursive(leaves, lambda inner: _aggregation(inner) | _operation(inner), max_leaves=6)


@given(queries)
def test_any_query_is_the_same_but_for_the_label(pair: tuple[str, str]) -> None:
    """Held against a parser: what is written is PromQL, and what it says is what was meant."""
    query, expected = pair
    rewritten = group_by(query, "cluster")

    assert promql_parser.parse(expected).prettify() == promql_parser.parse(rewritten).prettify()
    assert rewritten == group_by(rewritten, "cluster")


@given(queries)
def test_any_selector_of_a_query_is_matched(pair: tuple[str, str]) -> None:
    """The parser finds the matcher in every selector, and as many selectors as before."""
    query, _ = pair
    before, after = _selectors_of(query), _selectors_of(match(query, 'k="v"'))

    assert len(before) == len(after)
    assert all('k="v"' in selector for selector in after)


def _selectors_of(query: str) -> list[str]:
    found: list[str] = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(str(node))
        elif isinstance(node, promql_parser.MatrixSelector):
            found.append(str(node.vector_selector))

    promql_parser.walk(promql_parser.parse(query), pre_visit=visit)
    return found
