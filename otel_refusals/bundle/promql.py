"""Changes a PromQL query without touching the rest of its text: layout, comments and Grafana's variables stay.

A tokenizer, because no parser serves here: a parser refuses Grafana's variables, and printing what was parsed loses the
layout and the comments. The tests hold the result against Prometheus itself and against a parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
    (?P<space>   \s+ | \#[^\n]* )
  | (?P<string>  "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | `[^`]*` )
  | (?P<range>   \[ [^\]]* \] )
  | (?P<number>  \d[\w.]* | \$\{[^}]*\} | \$\w+ )
  | (?P<name>    [A-Za-z_:][\w:]* )
  | (?P<mark>    . )
    """,
    re.VERBOSE | re.DOTALL,
)

_AGGREGATORS = {"avg", "bottomk", "count", "count_values", "group", "limit_ratio", "limitk", "max", "min", "quantile"}
_AGGREGATORS |= {"stddev", "stdvar", "sum", "topk"}
_GROUPING = {"by", "without"}
_KEEPING = {"by", "on"}
_LISTS = {"by", "group_left", "group_right", "ignoring", "on", "without"}
_KEYWORDS = _LISTS | {"and", "atan2", "bool", "inf", "nan", "offset", "or", "unless"}


class PromQLError(ValueError):
    """A query whose brackets do not match; the message shows the query."""


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


def group_by(query: str, label: str, *, beside: str | None = None) -> str:
    """`query` with `label` in every list of labels that are kept: `by (...)` and `on (...)`.

    Aggregations without a list get one, so that no value is made of two that differ in `label`. With `beside`, only
    lists that have that other label get it, and all else is aggregated as before.

    Raises:
        PromQLError: for a query whose brackets do not match.
    """
    tokens = _tokens(query)
    pairs = _pairs(query, tokens)
    edits: list[tuple[int, str]] = []
    for index, token in enumerate(tokens):
        following = _text(tokens, index + 1)
        if token.kind != "name":
            continue
        word = token.text.lower()
        if word in _KEEPING and following == "(":
            labels = [item.text for item in tokens[index + 2 : pairs[index + 1]] if item.kind == "name"]
            if label not in labels and beside in (None, *labels):
                edits.append((tokens[index + 1].end, f"{label}, " if labels else label))
        elif beside is None and word in _AGGREGATORS and following == "(" and not _is_grouped(tokens, pairs[index + 1]):
            edits.append((token.end, f" by ({label}) "))
    return _edited(query, edits)


def match(query: str, matcher: str) -> str:
    """`query` with `matcher`, such as `cluster=~"$cluster"`, in every selector.

    Raises:
        PromQLError: for a query whose brackets do not match.
    """
    tokens = _tokens(query)
    edits: list[tuple[int, str]] = []
    for name, brace in _selectors(query, tokens):
        if brace is None:
            edits.append((tokens[name].end, f"{{{matcher}}}"))
        else:
            empty = _text(tokens, brace + 1) == "}"
            edits.append((tokens[brace].end, matcher if empty else f"{matcher}, "))
    return _edited(query, edits)


def selectors(query: str) -> list[str]:
    """What `query` reads: each selector once, without range and offset, in the order of the query.

    Raises:
        PromQLError: for a query whose brackets do not match.
    """
    tokens = _tokens(query)
    pairs = _pairs(query, tokens)
    ends = ((name, name if brace is None else pairs[brace]) for name, brace in _selectors(query, tokens))
    return list(dict.fromkeys(query[tokens[first].start : tokens[last].end] for first, last in ends))


def _selectors(query: str, tokens: list[_Token]) -> Iterator[tuple[int, int | None]]:
    """The place of each selector's metric (or brace, where it names none), and of its opening brace if it has one."""
    pairs = _pairs(query, tokens)
    index = 0
    while index < len(tokens):
        token, following = tokens[index], _text(tokens, index + 1)
        if token.text == "{":
            yield index, index
            index = pairs[index]
        elif token.kind != "name":
            pass
        elif token.text.lower() in _KEYWORDS:
            if token.text.lower() in _LISTS and following == "(":
                index = pairs[index + 1]
        elif following == "{":
            yield index, index + 1
            index = pairs[index + 1]
        elif following != "(" and not _is_aggregator(token, following):
            yield index, None
        index += 1


def _is_grouped(tokens: list[_Token], closing: int) -> bool:
    """Whether an aggregation has its list after its argument, as in `sum(up) by (job)`."""
    return _text(tokens, closing + 1).lower() in _GROUPING


def _is_aggregator(token: _Token, following: str) -> bool:
    """Whether a name starts an aggregation that has its list first, as in `sum by (job) (up)`."""
    return token.text.lower() in _AGGREGATORS and following.lower() in _GROUPING


def _tokens(query: str) -> list[_Token]:
    found = (_Token(str(m.lastgroup), m.group(), m.start(), m.end()) for m in _TOKEN.finditer(query))
    return [token for token in found if token.kind != "space"]


def _pairs(query: str, tokens: list[_Token]) -> dict[int, int]:
    """Where each opening bracket closes."""
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.text in ("(", "{"):
            opened.append(index)
        elif token.text in (")", "}"):
            if not opened or tokens[opened[-1]].text + token.text not in ("()", "{}"):
                raise PromQLError(f"a {token.text!r} too many in the query {query!r}")
            pairs[opened.pop()] = index
    if opened:
        raise PromQLError(f"a {tokens[opened[-1]].text!r} that does not close in the query {query!r}")
    return pairs


def _text(tokens: list[_Token], index: int) -> str:
    return tokens[index].text if index < len(tokens) else ""


def _edited(query: str, edits: list[tuple[int, str]]) -> str:
    """`query` with each text inserted at its place."""
    for place, text in sorted(edits, reverse=True):
        query = query[:place] + text + query[place:]
    return query
