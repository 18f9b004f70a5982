"""One file as the rules see it: its scopes, and where a value in one comes from.

The law of this module: nothing of the code is imported or run, and what cannot be told is not guessed. A scope is a
function with everything that is nested in it, or the statements of the module itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

EACH = "[]"
"""The step to an element: an index, or a turn of a loop."""

_SAME = frozenset({"str", "iter", "aiter", "next", "anext", "list", "tuple", "reversed", "cast"})
"""Functions whose result stands for their last argument, or for their first."""
_SAME_METHODS = frozenset({"lower", "upper", "strip", "json", "parse", "model_dump", "to_dict", "dict", "casefold"}) | {
    "get_final_message",
    "get_final_completion",
    "get_final_response",
}
"""Methods without arguments whose result stands for the object itself."""
_MAX_PATHS = 6
_MAX_DEPTH = 24


@dataclass(frozen=True, slots=True)
class Path:
    """Where a value comes from: the members that lead to it from a root that is itself no member of anything known."""

    root: ast.expr
    steps: tuple[str, ...] = ()

    @property
    def key(self) -> object:
        """The same for two paths with the same root."""
        return self.root.id if isinstance(self.root, ast.Name) else id(self.root)

    def then(self, *steps: str) -> Path:
        """The path to a member."""
        return Path(self.root, (*self.steps, *steps)[-_MAX_DEPTH:])


class Module:
    """A parsed file."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self.functions: dict[str, list[Function]] = {}
        self.constants: dict[str, ast.expr] = {}
        self.imports: set[str] = set()
        for node in ast.walk(tree):
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self.functions.setdefault(node.name, []).append(node)
                case ast.Import():
                    self.imports |= {alias.name.partition(".")[0] for alias in node.names}
                case ast.ImportFrom(module=str(name)):
                    self.imports.add(name.partition(".")[0])
                    if name == "google" or name.startswith("google."):
                        self.imports |= {f"{name}.{alias.name}" for alias in node.names}
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if self._is_constant(node):
                    self.constants[name] = value
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if self._is_constant(node):
                    self.constants[name] = value

    def _is_constant(self, node: ast.stmt) -> bool:
        return isinstance(self.parents[node], (ast.Module, ast.ClassDef))

    def scopes(self) -> Iterator[Scope]:
        """The scopes of the module, each once."""
        outside: list[ast.AST] = []
        waiting: list[ast.AST] = [self.tree]
        while waiting:
            node = waiting.pop()
            if isinstance(node, FUNCTIONS):
                yield Scope(self, node, list(ast.walk(node)))
            else:
                outside.append(node)
                waiting.extend(ast.iter_child_nodes(node))
        yield Scope(self, self.tree, outside)

    def called(self, call: ast.Call) -> list[Function]:
        """The functions of this file that `call` may call, as far as their names tell."""
        match call.func:
            case ast.Name(id=name):
                return self.functions.get(name, [])
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                return self.functions.get(name, [])
        return []


class Scope:
    """A function, or the module's own statements, with what is assigned in it."""

    def __init__(self, module: Module, node: Function | ast.Module, nodes: list[ast.AST]) -> None:
        self.module = module
        self.node = node
        self.nodes = nodes
        self._paths: dict[int, tuple[Path, ...]] = {}

    @cached_property
    def parameters(self) -> frozenset[str]:
        """The names of its parameters, and of those of functions inside."""
        return frozenset(node.arg for node in self.nodes if isinstance(node, ast.arg))

    @cached_property
    def bindings(self) -> dict[str, list[tuple[ast.expr, tuple[str, ...]]]]:
        """What is assigned to each local name, with the steps from the value to it."""
        found: dict[str, list[tuple[ast.expr, tuple[str, ...]]]] = {}
        for node in self.nodes:
            for target, value, steps in _assignments(node):
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append((value, steps))
        return found

    def paths(self, expr: ast.expr) -> tuple[Path, ...]:
        """Where the value of `expr` may come from."""
        known = self._paths.get(id(expr))
        if known is None:
            known = self._paths[id(expr)] = tuple(dict.fromkeys(self._trace(expr, frozenset(), 0)))[:_MAX_PATHS]
        return known

    def _trace(self, expr: ast.expr, seen: frozenset[str], depth: int) -> Iterator[Path]:
        if depth > _MAX_DEPTH:
            yield Path(expr)
            return
        inner, steps = member(expr)
        if inner is not None:
            for path in self._trace(inner, seen, depth + 1):
                yield path.then(*steps)
            return
        match expr:
            case ast.BoolOp(values=values):
                for value in values[:_MAX_PATHS]:
                    yield from self._trace(value, seen, depth + 1)
            case ast.IfExp(body=body, orelse=orelse):
                yield from self._trace(body, seen, depth + 1)
                yield from self._trace(orelse, seen, depth + 1)
            case ast.Name(id=name) if name not in seen and name in self.bindings:
                for value, steps in self.bindings[name][:_MAX_PATHS]:
                    for path in self._trace(value, seen | {name}, depth + 1):
                        yield path.then(*steps)
            case _:
                yield Path(expr)


def member(expr: ast.expr) -> tuple[ast.expr | None, tuple[str, ...]]:
    """The expression of which `expr` is a member, and the steps to it; None where it is none."""
    match expr:
        case ast.Attribute(value=inner, attr=name):
            return inner, (name,)
        case ast.Subscript(value=inner, slice=ast.Constant(value=str(name))):
            return inner, (name,)
        case ast.Subscript(value=inner):
            return inner, (EACH,)
        case ast.Await(value=inner) | ast.NamedExpr(value=inner) | ast.Starred(value=inner):
            return inner, ()
        case ast.Call(func=ast.Attribute(value=inner, attr="get"), args=[ast.Constant(value=str(name)), *_]):
            return inner, (name,)
        case ast.Call(func=ast.Name(id="getattr"), args=[inner, ast.Constant(value=str(name)), *_]):
            return inner, (name,)
        case ast.Call(func=ast.Attribute(value=inner, attr=name), args=[], keywords=[]) if name in _SAME_METHODS:
            return inner, ()
        case ast.Call(func=ast.Name(id=name), args=[*_, inner]) if name in _SAME:
            return inner, ()
    return None, ()


def name_of(func: ast.expr) -> str:
    """The dotted name of what is called, as far as it is one: `client.chat.completions.create`."""
    parts: list[str] = []
    while True:
        match func:
            case ast.Attribute(value=inner, attr=name):
                parts.append(name)
                func = inner
            case ast.Name(id=name):
                return ".".join(reversed([*parts, name]))
            case ast.Call(func=inner):
                func = inner
            case _:
                return ".".join(reversed(parts))


def _assignments(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr, tuple[str, ...]]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _unpacked(target, value, ())
        case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
            yield target, value, ()
        case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
            yield from _turns(target, value)
        case ast.comprehension(target=target, iter=value):
            yield from _turns(target, value)
        case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
            yield target, value, ()


def _turns(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr, tuple[str, ...]]]:
    match target, value:
        case ast.Tuple(elts=[_, target]), ast.Call(func=ast.Name(id="enumerate"), args=[value, *_]):
            yield target, value, (EACH,)
        case _:
            yield from _unpacked(target, value, (EACH,))


def _unpacked(
    target: ast.expr, value: ast.expr, steps: tuple[str, ...]
) -> Iterator[tuple[ast.expr, ast.expr, tuple[str, ...]]]:
    match target, value:
        case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values) and not steps:
            for one, its in zip(targets, values, strict=True):
                yield one, its, ()
        case ast.Tuple(elts=targets) | ast.List(elts=targets), _:
            for one in targets:
                yield one, value, (*steps, EACH)
        case _:
            yield target, value, steps
