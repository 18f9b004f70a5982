"""What is left to a stop reason that no branch names: whether anything is done about it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from otel_refusals.scan.source import Scope, name_of
from otel_refusals.scan.uses import ancestors, is_quiet
from otel_refusals.scan.vocabulary import is_normal
from otel_refusals.scan.words import compared_words, is_default, is_positive, matched_words

_LOUD = frozenset({"warning", "warn", "error", "exception", "critical", "fatal"})


def goes_nowhere(scope: Scope, tests: list[ast.Compare | ast.Match], name: str) -> bool:
    """Whether every test that tells a normal end of the field `name` apart does nothing with what is left."""
    telling = [test for test in tests if any(is_normal(name, word) for word in _words(scope, test))]
    rest = _Rest(scope, tests)
    return bool(telling) and all(rest.is_silent(test) for test in telling)


def is_loud(scope: Scope, test: ast.Compare | ast.Match) -> bool:
    """Whether what is left after a test raises or warns, whatever is left."""
    if isinstance(test, ast.Match):
        return any(_is_said(case.body) for case in test.cases if is_default(case))
    for parent, child in ancestors(scope, test):
        if isinstance(parent, ast.If) and child is parent.test:
            if not is_positive(scope, test):
                return _is_said(parent.body)
            rest = _last_of_chain(parent)
            return _is_said(rest.orelse) or (
                not rest.orelse and _leaves(parent.body) and _is_said(_after(scope, parent))
            )
        if isinstance(parent, ast.stmt):
            return False
    return False


def _last_of_chain(statement: ast.If) -> ast.If:
    while len(statement.orelse) == 1 and isinstance(statement.orelse[0], ast.If):
        statement = statement.orelse[0]
    return statement


def _is_said(block: list[ast.stmt]) -> bool:
    return any(
        isinstance(statement, ast.Raise)
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and _is_warning(statement.value))
        for statement in block
    )


def _is_warning(call: ast.Call) -> bool:
    return name_of(call.func).rpartition(".")[2] in _LOUD


def _after(scope: Scope, statement: ast.stmt) -> list[ast.stmt]:
    """What follows a statement in its block."""
    parent = scope.module.parents[statement]
    for block in (getattr(parent, name, None) for name in ("body", "orelse", "finalbody")):
        if isinstance(block, list) and statement in block:
            return block[block.index(statement) + 1 :]
    return []


def _words(scope: Scope, test: ast.Compare | ast.Match) -> frozenset[str]:
    if isinstance(test, ast.Match):
        return matched_words(scope, test) or frozenset()
    return compared_words(scope, test, test.left) or compared_words(scope, test, test.comparators[-1]) or frozenset()


@dataclass(frozen=True, slots=True)
class _Rest:
    """What the tests of one field in one scope leave to the values that none of them names."""

    scope: Scope
    tests: Sequence[ast.Compare | ast.Match]

    def is_silent(self, test: ast.Compare | ast.Match) -> bool:
        """Whether nothing is done about them after `test`."""
        if isinstance(test, ast.Match):
            default = next((case.body for case in test.cases if is_default(case)), None)
            if default is not None:
                return self._do_nothing(default)
            return all(_leaves(case.body) for case in test.cases) and self._nothing_after(test)
        for parent, child in ancestors(self.scope, test):
            if isinstance(parent, ast.If):
                return child is parent.test and self._is_silent_if(parent, test)
            if isinstance(parent, ast.stmt):
                return False
        return False

    def _is_silent_if(self, statement: ast.If, test: ast.Compare) -> bool:
        if not is_positive(self.scope, test):
            return self._do_nothing(statement.body)
        rest, bodies = statement, [statement.body]
        while len(rest.orelse) == 1 and isinstance(rest.orelse[0], ast.If):
            rest = rest.orelse[0]
            bodies.append(rest.body)
        if rest.orelse:
            return self._do_nothing(rest.orelse)
        return all(map(_leaves, bodies)) and self._nothing_after(statement)

    def _nothing_after(self, statement: ast.stmt) -> bool:
        """Whether what follows in the function or in the loop does nothing."""
        for parent, child in ancestors(self.scope, statement):
            if isinstance(child, ast.stmt) and not self._do_nothing(_after(self.scope, child)):
                return False
            if not isinstance(parent, (ast.If, ast.With, ast.AsyncWith)):
                return not isinstance(parent, ast.Module)
        return False

    def _do_nothing(self, block: list[ast.stmt]) -> bool:
        return all(map(self._does_nothing, block))

    def _does_nothing(self, statement: ast.stmt) -> bool:
        """Whether a statement neither says nor does anything about a refusal."""
        match statement:
            case ast.Pass() | ast.Continue() | ast.Break() | ast.Return(value=None) | ast.Expr(value=ast.Constant()):
                return True
            case ast.Return(value=ast.Constant(value=value)):
                return not value
            case ast.Return(value=ast.List(elts=[]) | ast.Dict(keys=[]) | ast.Tuple(elts=[])):
                return True
            case ast.Expr(value=ast.Call() as call):
                return is_quiet(call) and not _is_warning(call)
            case ast.If(test=test, orelse=orelse):
                named = [node for node in ast.walk(test) if node in self.tests]
                positive = any(isinstance(node, ast.Compare) and is_positive(self.scope, node) for node in named)
                return positive and self._do_nothing(orelse)
        return False


def _leaves(body: list[ast.stmt]) -> bool:
    """Whether a branch is the end of the way: what follows it is for the others."""
    return isinstance(body[-1], (ast.Return, ast.Raise, ast.Continue, ast.Break))
