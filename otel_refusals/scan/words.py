"""The values that a comparison, a `match` or a mapping names."""

from __future__ import annotations

import ast

from otel_refusals.scan.source import Scope, name_of


def compared_words(scope: Scope, compare: ast.Compare, subject: ast.AST) -> frozenset[str] | None:
    """The words that `subject` is compared with, in lower case: none for None, and None where they cannot be told."""
    if len(compare.comparators) != 1:
        return None
    other = compare.comparators[0]
    if _contains(other, subject):
        other = compare.left
    return words_of(scope, other)


def _contains(node: ast.AST, wanted: ast.AST) -> bool:
    return any(child is wanted for child in ast.walk(node))


def words_of(scope: Scope, expr: ast.expr, depth: int = 4) -> frozenset[str] | None:
    """The words that an expression stands for."""
    match expr:
        case ast.Constant(value=None):
            return frozenset()
        case ast.Constant(value=str(word)):
            return frozenset({word.lower()})
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            found = [words_of(scope, part, depth - 1) for part in parts] if depth else [None]
            words = [one for one in found if one is not None]
            return frozenset().union(*words) if len(words) == len(found) else None
        case ast.Call(func=ast.Name(id="frozenset" | "set" | "tuple" | "list" | "str"), args=[inner]) if depth:
            return words_of(scope, inner, depth - 1)
        case ast.Attribute(value=inner, attr="value" | "name") if isinstance(inner, ast.Attribute):
            return words_of(scope, inner, depth - 1)
        case ast.Attribute(value=inner, attr=name):
            if name_of(inner).lower().endswith("reason"):
                return frozenset({name.lower()})
            return _constant(scope, name, depth)
        case ast.Name(id=name):
            return _constant(scope, name, depth)
    return None


def _constant(scope: Scope, name: str, depth: int) -> frozenset[str] | None:
    bound = [value for value, steps in scope.bindings.get(name, []) if not steps]
    value = bound[0] if len(bound) == 1 else scope.module.constants.get(name)
    return words_of(scope, value, depth - 1) if value is not None and depth else None


def matched_words(scope: Scope, match: ast.Match) -> frozenset[str] | None:
    """The words that the cases of a `match` name; None where one cannot be told."""
    words: frozenset[str] = frozenset()
    for case in match.cases:
        if not is_default(case):
            found = _pattern_words(scope, case.pattern)
            if found is None or case.guard is not None:
                return None
            words |= found
    return words


def is_default(case: ast.match_case) -> bool:
    """Whether a case takes whatever is left."""
    return isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and case.guard is None


def _pattern_words(scope: Scope, pattern: ast.pattern) -> frozenset[str] | None:
    match pattern:
        case ast.MatchValue(value=value):
            return words_of(scope, value)
        case ast.MatchSingleton(value=None):
            return frozenset()
        case ast.MatchOr(patterns=patterns):
            found = [_pattern_words(scope, one) for one in patterns]
            words = [one for one in found if one is not None]
            return frozenset().union(*words) if len(words) == len(found) else None
        case ast.MatchAs(pattern=ast.pattern() as inner):
            return _pattern_words(scope, inner)
    return None


def is_positive(scope: Scope, compare: ast.Compare) -> bool:
    """Whether the branch is taken for the words that are named, rather than for all others."""
    positive = isinstance(compare.ops[0], (ast.Eq, ast.In, ast.Is))
    node = scope.module.parents[compare]
    while isinstance(node, (ast.BoolOp, ast.UnaryOp)):
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            positive = not positive
        node = scope.module.parents[node]
    return positive
