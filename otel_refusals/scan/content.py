"""Content that is taken from a response of which nobody in sight looks how it ended."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from otel_refusals.scan.rules import Finding, RuleId
from otel_refusals.scan.source import EACH, Path, Scope, name_of
from otel_refusals.scan.uses import escapes, function_looks, is_look, use_of

_ANYWHERE: tuple[tuple[str, ...], ...] = (
    ("choices", EACH, "message", "content"),
    ("choices", EACH, "delta", "content"),
)
"""Members that only responses have: OpenAI's and those of its likes."""

_CALLS: tuple[tuple[str, tuple[tuple[str, ...], ...], tuple[str, ...]], ...] = (
    ("messages.create", (("content",), (EACH, "delta", "text")), ()),
    ("messages.parse", (("content",), ("parsed_output",)), ()),
    ("messages.stream", (("text_stream",), ("get_final_text",), ("content",), ("parsed_output",)), ()),
    ("completions.create", (("choices", EACH, "text"),), ()),
    ("converse", (("output", "message", "content"),), ()),
    ("responses.create", (("output_text",),), ()),
    ("responses.parse", (("output_text",),), ()),
    ("generate_content", (("text",), (EACH, "text"), ("candidates", EACH, "content")), ("genai", "generativeai")),
    ("generate_content_stream", ((EACH, "text"),), ("genai", "generativeai")),
    ("generate_content_async", (("text",), (EACH, "text")), ("genai", "generativeai")),
    ("send_message", (("text",), (EACH, "text")), ("genai", "generativeai")),
    ("send_message_stream", ((EACH, "text"),), ("genai", "generativeai")),
)
"""Members that others have too: of which calls, and in files that import which package."""

CALLS = frozenset(call for call, _, _ in _CALLS)
"""The calls whose responses are known by the call."""

_PARSED: tuple[tuple[str, ...], ...] = (("choices", EACH, "message", "parsed"), ("output_parsed",))

_LASTS = {steps[-1] for steps in _ANYWHERE} | {steps[-1] for _, ends, _ in _CALLS for steps in ends}

_WHOLE: tuple[tuple[str, ...], ...] = (
    (),
    ("choices",),
    ("choices", EACH),
    ("candidates",),
    ("candidates", EACH),
    ("output",),
)
"""What of a response still says how it ended."""


def unread_endings(scope: Scope) -> Iterator[Finding]:
    """One finding per response whose content is taken and whose end nobody looks at."""
    looked: bool | None = None
    told: set[object] = set()
    for expr, path in _taken(scope):
        if looked is None:
            looked = any(map(is_look, scope.nodes))
        if looked:
            return
        if path.key in told or _handed_on(scope, path, status=True):
            continue
        told.add(path.key)
        what = ".".join(step for step in path.steps if step != EACH) or "content"
        yield _finding("unread-ending", expr, f"`{what}` is taken, and nothing here looks at how the response ended.")


def unread_refusals(scope: Scope) -> Iterator[Finding]:
    """One finding per response whose parsed output is taken and whose refusal nobody reads."""
    told: set[object] = set()
    parsed = [
        (expr, path)
        for expr in _members(scope, {"parsed", "output_parsed"})
        for path in scope.paths(expr)
        if _ends_with(path.steps, _PARSED) and _is_obtained(scope, path)
    ]
    if not parsed or any(map(_reads_refusal, scope.nodes)):
        return
    for expr, path in parsed:
        if path.key in told or _handed_on(scope, path, status=False) or _is_tested(scope, path):
            continue
        told.add(path.key)
        what = path.steps[-1]
        yield _finding("unread-refusal", expr, f"`{what}` is taken, and nothing here reads the model's `refusal`.")


def _taken(scope: Scope) -> Iterator[tuple[ast.expr, Path]]:
    """Where content is taken, and from what, in the order of the file."""
    for expr in _members(scope, _LASTS):
        for path in scope.paths(expr):
            if _is_content(scope, path) and _is_obtained(scope, path):
                yield expr, path


def _members(scope: Scope, names: set[str]) -> list[ast.expr]:
    found: list[ast.expr] = []
    for node in scope.nodes:
        match node:
            case ast.Attribute(attr=name, ctx=ast.Load()) | ast.Subscript(slice=ast.Constant(value=str(name))):
                if name in names and isinstance(node.ctx, ast.Load):
                    found.append(node)
            case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(name)), *_]) if name in names:
                found.append(node)
    return sorted(found, key=lambda expr: (expr.lineno, expr.col_offset))


def _is_content(scope: Scope, path: Path) -> bool:
    if _ends_with(path.steps, _ANYWHERE):
        return True
    if not isinstance(path.root, ast.Call):
        return False
    called = name_of(path.root.func)
    return any(
        called.endswith(call)
        and path.steps in ends
        and (not packages or any(package in name for package in packages for name in scope.module.imports))
        for call, ends, packages in _CALLS
    )


def _is_obtained(scope: Scope, path: Path) -> bool:
    """Whether the response is asked for here, so that nobody before can have looked."""
    if not isinstance(path.root, ast.Call):
        return False
    is_constructor = name_of(path.root.func).rpartition(".")[2][:1].isupper()
    return not is_constructor and not any(function_looks(scope, called) for called in scope.module.called(path.root))


def _ends_with(steps: tuple[str, ...], ends: tuple[tuple[str, ...], ...]) -> bool:
    return any(steps[-len(end) :] == end for end in ends)


def _handed_on(scope: Scope, path: Path, *, status: bool) -> bool:
    """Whether others may look at the response, or the code looks at its status."""
    for node in scope.nodes:
        if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.Call)):
            continue
        if isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
            continue
        for other in scope.paths(node):
            if other.key != path.key:
                continue
            steps = other.steps
            if status and steps[-1:] == ("status",):
                return True
            while steps[:1] == (EACH,):
                steps = steps[1:]
            if steps in _WHOLE and escapes(scope, node):
                return True
            if steps[-1:] == ("message",) and isinstance(use_of(scope, node).node, (ast.Return, ast.Yield)):
                return True
    return False


def _is_tested(scope: Scope, path: Path) -> bool:
    """Whether the code asks if the value is there at all."""
    return any(
        use_of(scope, node).kind in {"test", "compared", "matched"}
        for node in scope.nodes
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load)
        for other in scope.paths(node)
        if other.key == path.key and other.steps == path.steps
    )


def _reads_refusal(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name) | ast.Constant(value=str(name)):
            return "refusal" in name.lower() or name == "outcome_of"
    return False


def _finding(rule: RuleId, node: ast.expr, message: str) -> Finding:
    return Finding("", node.lineno, node.col_offset + 1, rule, message)
