"""What code does with a value: tests it, keeps it, hands it on.

A value that is handed on to code of which nothing is known may be looked at there, so no rule speaks about it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from otel_refusals.scan.source import Function, Scope, member, name_of
from otel_refusals.scan.vocabulary import LOOKS, is_about_refusals

Kind = Literal["member", "test", "compared", "matched", "kept", "nothing", "passed", "looked_up", "away", "raised"]

_QUIET = frozenset(
    {"print", "len", "isinstance", "hasattr", "type", "id", "repr", "bool", "callable", "deepcopy", "pprint", "rprint"}
)
_LOG = re.compile(
    r"(^|[._])(log|logger|logging|console|verbose_logger|print\w*)\.\w+$|(^|\.)_?log(_\w+)?$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Use:
    """What one expression's value is used for, and the node that does it.

    Kinds: `member` (something of it is taken), `test` (whether it is true or None), `compared`, `matched`, `kept` (in a
    local name), `nothing` (dropped, or only logged), `passed` (to functions of this file), `looked_up` (in a mapping),
    `raised`, and `away` (returned, stored, or passed to what is not known).
    """

    kind: Kind
    node: ast.AST


def use_of(scope: Scope, expr: ast.expr) -> Use:
    """What the value of `expr` is used for."""
    node: ast.AST = expr
    while True:
        parent = scope.module.parents[node]
        match parent:
            case ast.Attribute(value=value) | ast.Subscript(value=value) if value is node:
                inner, steps = member(parent)
                call = scope.module.parents[parent]
                if isinstance(call, ast.Call) and call.func is parent and member(call) == (node, ()):
                    node = call
                    continue
                return Use("member" if inner is not None and steps else "nothing", parent)
            case ast.Subscript():
                return Use("looked_up", parent)
            case ast.Call(func=func) if func is not node:
                if member(parent)[0] is node:
                    if member(parent)[1]:
                        return Use("member", parent)
                    node = parent
                    continue
                return _argument(scope, parent)
            case ast.keyword():
                call = scope.module.parents[parent]
                return _argument(scope, call) if isinstance(call, ast.Call) else Use("away", call)
            case ast.Compare():
                return Use("compared", parent)
            case ast.Match():
                return Use("matched", parent)
            case ast.If() | ast.While() | ast.Assert() | ast.UnaryOp(op=ast.Not()):
                return Use("test", parent)
            case ast.IfExp(test=test) if test is node:
                return Use("test", parent)
            case ast.comprehension(ifs=ifs) if node in ifs:
                return Use("test", parent)
            case ast.Raise():
                return Use("raised", parent)
            case ast.Assign(targets=targets) if all(isinstance(target, (ast.Name, ast.Tuple)) for target in targets):
                return Use("kept", parent)
            case ast.AnnAssign(target=ast.Name()):
                return Use("kept", parent)
            case ast.For() | ast.AsyncFor() | ast.comprehension() | ast.withitem():
                return Use("kept", parent)
            case ast.Expr() | ast.Delete() | ast.Call():
                return Use("nothing", parent)
            case (
                ast.BoolOp()
                | ast.IfExp()
                | ast.NamedExpr()
                | ast.Await()
                | ast.Starred()
                | ast.FormattedValue()
                | ast.JoinedStr()
            ):
                node = parent
            case _:
                return Use("away", parent)


def _argument(scope: Scope, call: ast.Call) -> Use:
    if is_quiet(call):
        return Use("nothing", call)
    if _inside_raise(scope, call):
        return Use("raised", call)
    if isinstance(call.func, ast.Attribute) and call.func.attr == "get":
        return Use("looked_up", call)
    return Use("passed" if scope.module.called(call) else "away", call)


def is_quiet(call: ast.Call) -> bool:
    """Whether a call only prints, logs or asks for a type."""
    name = name_of(call.func)
    return name.rpartition(".")[2] in _QUIET or _LOG.search(name) is not None


def _inside_raise(scope: Scope, node: ast.AST) -> bool:
    while not isinstance(node, ast.stmt):
        node = scope.module.parents[node]
    return isinstance(node, ast.Raise)


def escapes(scope: Scope, expr: ast.expr) -> bool:
    """Whether others may look at the value of `expr`: code that is not in this file, or code in it that does."""
    use = use_of(scope, expr)
    while use.kind == "passed" and isinstance(use.node, ast.Call):
        called = scope.module.called(use.node)
        if any(function_looks(scope, function) for function in called):
            return True
        if not any(map(_returns_argument, called)):
            return False
        use = use_of(scope, use.node)
    return use.kind in {"away", "looked_up"}


def _returns_argument(function: Function) -> bool:
    """Whether what a function returns may hold an argument, and not only something of it."""
    names = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
    returned = [child for node in ast.walk(function) if isinstance(node, ast.Return) for child in ast.walk(node)]
    of_some = {id(node.value) for node in returned if isinstance(node, (ast.Attribute, ast.Subscript))}
    return any(isinstance(node, ast.Name) and node.id in names and id(node) not in of_some for node in returned)


def function_looks(scope: Scope, function: Function, depth: int = 2) -> bool:
    """Whether a function of this file, or one that it calls, looks at how a response ended."""
    nodes = list(ast.walk(function))
    if any(map(is_look, nodes)):
        return True
    return depth > 0 and any(
        function_looks(scope, other, depth - 1)
        for node in nodes
        if isinstance(node, ast.Call)
        for other in scope.module.called(node)
        if other is not function
    )


def is_look(node: ast.AST) -> bool:
    """Whether a node looks at how a response ended, or is about refusals."""
    match node:
        case ast.Attribute(attr=name, ctx=ast.Load()) | ast.Name(id=name, ctx=ast.Load()):
            return name in LOOKS or is_about_refusals(name)
        case ast.Constant(value=str(name)):
            return name in LOOKS
        case ast.MatchClass(kwd_attrs=names):
            return not LOOKS.isdisjoint(names)
    return False


def ancestors(scope: Scope, node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Each node around `node` within the scope, with the child through which it is reached; the nearest first."""
    while node is not scope.node:
        parent = scope.module.parents.get(node)
        if parent is None:
            return
        yield parent, node
        node = parent
