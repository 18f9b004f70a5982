"""Branches over stop reasons that let a refusal go the way of an answer, or nowhere.

Two shapes. Nothing tells a refusal from a normal end: `if stop_reason == "tool_use": ...` and what follows is for the
answer. Or the normal end is told apart, and what is left does nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from otel_refusals.scan.defaults import goes_nowhere, is_loud
from otel_refusals.scan.rules import Finding
from otel_refusals.scan.source import EACH, Path, Scope, member
from otel_refusals.scan.uses import ancestors, escapes, is_look, use_of
from otel_refusals.scan.vocabulary import FIELDS, LOOKS, is_end, told
from otel_refusals.scan.words import compared_words, is_positive, matched_words

_REPRESENTATIONS = frozenset({"value", "name"})
"""What an enum's member says of itself."""


@dataclass(slots=True)
class _Group:
    """What one scope does with one field."""

    words: set[str] = field(default_factory=set)
    tests: list[ast.Compare | ast.Match] = field(default_factory=list)
    lookups: list[ast.Call] = field(default_factory=list)
    roots: dict[object, ast.expr] = field(default_factory=dict)
    away: bool = False


def stop_reason(path: Path) -> str | None:
    """The field that a path leads to, if it holds a stop reason."""
    steps = tuple(step for step in path.steps if step not in _REPRESENTATIONS)
    if not steps:
        name = path.root.id if isinstance(path.root, ast.Name) else ""
        return name if name in FIELDS else None
    return next((name for name in (steps[-1], ".".join(steps[-2:])) if name in FIELDS), None)


def groups(scope: Scope) -> dict[str, _Group]:
    """What the scope does with each field, told by every use that is not only for one known value."""
    found: dict[str, _Group] = {}
    for node in scope.nodes:
        if not isinstance(node, ast.expr) or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            continue
        if not isinstance(node, ast.Name) and not member(node)[1]:
            continue
        for path in scope.paths(node):
            name = stop_reason(path)
            if name is not None:
                group = found.setdefault(name, _Group())
                if path.steps:
                    group.roots[path.key] = path.root
                _note(scope, node, group)
                break
    return found


def _note(scope: Scope, node: ast.expr, group: _Group) -> None:
    use = use_of(scope, node)
    match use.kind, use.node:
        case "compared", ast.Compare() as compare:
            words = compared_words(scope, compare, node)
            if words is None or not _is_condition(scope, compare):
                group.away = True
            elif words:
                group.words |= words
                group.tests.append(compare)
        case "matched", ast.Match() as match:
            words = matched_words(scope, match)
            if words is None:
                group.away = True
            else:
                group.words |= words
                group.tests.append(match)
        case "looked_up", ast.Call() as call:
            group.lookups.append(call)
        case (("test" | "kept" | "nothing"), _):
            pass
        case "member", (ast.Attribute(attr="value" | "name")):
            pass
        case _:
            group.away = group.away or not _is_guarded(scope, node)


def _is_condition(scope: Scope, compare: ast.Compare) -> bool:
    """Whether the comparison decides what is done; its value is not handed on, and nothing is asserted."""
    use = use_of(scope, compare)
    if use.kind == "kept":
        return True
    return use.kind == "test" and not isinstance(use.node, ast.Assert)


def _is_guarded(scope: Scope, node: ast.AST) -> bool:
    """Whether it is done only for one known stop reason."""
    return any(
        isinstance(parent, ast.If) and child in parent.body and _tells_one(scope, parent.test)
        for parent, child in ancestors(scope, node)
    )


def _tells_one(scope: Scope, test: ast.expr) -> bool:
    compares = [node for node in ast.walk(test) if isinstance(node, ast.Compare)]
    return any(
        is_positive(scope, compare)
        and any(stop_reason(path) for side in (compare.left, *compare.comparators) for path in scope.paths(side))
        and compared_words(scope, compare, compare.left)
        for compare in compares
    )


def refusals_as_answers(scope: Scope) -> Iterator[Finding]:
    """One finding per field and scope."""
    found = {name: group for name, group in groups(scope).items() if group.tests and not group.away}
    if not found or any(is_look(node) for node in scope.nodes if not _is_field(node)):
        return
    for name, group in found.items():
        if group.lookups or any(is_loud(scope, test) for test in group.tests) or _response_escapes(scope, group):
            continue
        if not _is_answered(scope, group):
            continue
        apart = told(name, frozenset(group.words))
        if apart is None:
            continue
        first = min(group.tests, key=lambda node: (node.lineno, node.col_offset))
        where = first.subject if isinstance(first, ast.Match) else first
        words = ", ".join(f'"{word}"' for word in sorted(group.words))
        if not apart.ends:
            message = (
                f"A refusal ({apart.refusal}) goes the way of {apart.normal} here: of `{name}`, only {words} is told "
                "apart."
            )
        elif goes_nowhere(scope, group.tests, name):
            message = f"Nothing is done about a refusal ({apart.refusal}) here: of `{name}`, only {words} is handled."
        else:
            continue
        yield Finding("", where.lineno, where.col_offset + 1, "refusal-as-answer", message)


def _is_answered(scope: Scope, group: _Group) -> bool:
    """Whether the scope makes an answer of the response, rather than a check of a response that its caller has.

    It asks for the response, takes content from it, or calls the stop reason itself a normal end.
    """
    if any(isinstance(root, ast.Call) and not scope.module.called(root) for root in group.roots.values()):
        return True
    for node in scope.nodes:
        match node:
            case ast.Return(value=ast.Constant(value=str(word))) | ast.Assign(value=ast.Constant(value=str(word))):
                if is_end(word):
                    return True
            case ast.Attribute(attr=name, ctx=ast.Load()) | ast.Subscript(slice=ast.Constant(value=str(name))):
                if name in _CONTENT and any(
                    path.key in group.roots and path.key != "self" for path in scope.paths(node)
                ):
                    return True
    return False


_CONTENT = frozenset({"content", "text", "message", "delta", "parts", "output", "output_text"})


def _is_field(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name) | ast.Constant(value=str(name)):
            return name in _PARTS
    return False


_PARTS = {part for name in FIELDS for part in name.split(".")} & LOOKS


def _response_escapes(scope: Scope, group: _Group) -> bool:
    """Whether others may look at what the stop reason stands in."""
    for node in scope.nodes:
        if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) or not isinstance(node.ctx, ast.Load):
            continue
        for path in scope.paths(node):
            if path.key in group.roots and stop_reason(path) is None:
                steps = tuple(step for step in path.steps if step != EACH)
                if steps in {(), ("choices",), ("candidates",)} and escapes(scope, node):
                    return True
    return False
