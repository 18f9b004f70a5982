"""Mappings from stop reasons to something of the code's own, and what becomes of a refusal there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from otel_refusals.scan.branches import groups
from otel_refusals.scan.rules import Finding
from otel_refusals.scan.source import Scope
from otel_refusals.scan.vocabulary import REFUSALS, is_normal, told
from otel_refusals.scan.words import words_of


def refusals_lost_in_lookups(scope: Scope) -> Iterator[Finding]:
    """One finding per look-up whose default is what a normal end becomes, or nothing, and that names no refusal."""
    for name, group in groups(scope).items():
        for call in () if group.away else group.lookups:
            mapping = _mapping(scope, call)
            if mapping is None:
                continue
            words = {word: value for key, value in mapping for word in words_of(scope, key) or ()}
            normal = {ast.dump(value) for word, value in words.items() if is_normal(name, word)}
            default = call.args[1] if len(call.args) > 1 else None
            refused = next(
                (word for word in sorted(words) if word in REFUSALS and ast.dump(words[word]) in normal), None
            )
            if refused is not None:
                message = f'The look-up makes a refusal ("{refused}") the same as a normal end.'
            else:
                apart = told(name, frozenset(words)) if len(words) > 1 else None
                if apart is None or not _is_lost(scope, call, default, normal):
                    continue
                becomes = "nothing" if default is None else f"`{ast.unparse(default)}`, as a normal end does"
                message = f"A refusal ({apart.refusal}) is not in the mapping, and becomes {becomes}."
            yield Finding("", call.lineno, call.col_offset + 1, "refusal-as-answer", message)


def _is_lost(scope: Scope, call: ast.Call, default: ast.expr | None, normal: set[str]) -> bool:
    if default is None or (isinstance(default, ast.Constant) and default.value is None):
        # `MAPPING.get(reason) or other`: the other one is the default
        return not isinstance(scope.module.parents[call], ast.BoolOp) and not call.keywords
    return ast.dump(default) in normal


def _mapping(scope: Scope, call: ast.Call) -> list[tuple[ast.expr, ast.expr]] | None:
    """The items of the mapping that is looked into; None where they cannot be told."""
    target = call.func.value if isinstance(call.func, ast.Attribute) else None
    match target:
        case ast.Name(id=name):
            bound = [value for value, steps in scope.bindings.get(name, []) if not steps]
            target = bound[0] if len(bound) == 1 else scope.module.constants.get(name)
        case ast.Attribute(attr=name):
            target = scope.module.constants.get(name)
    if not isinstance(target, ast.Dict):
        return None
    items = [(key, value) for key, value in zip(target.keys, target.values, strict=True) if key is not None]
    return items if len(items) == len(target.keys) else None
