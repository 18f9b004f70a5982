"""Which files are scanned, and the findings of each."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path

from otel_refusals.scan.branches import refusals_as_answers
from otel_refusals.scan.content import CALLS, unread_endings, unread_refusals
from otel_refusals.scan.lookups import refusals_lost_in_lookups
from otel_refusals.scan.rules import RULES, Finding, RuleId
from otel_refusals.scan.source import Module
from otel_refusals.scan.vocabulary import FIELDS

NOT_SCANNED = frozenset(
    {"__pycache__", "build", "dist", "env", "node_modules", "site-packages", "venv", "__pypackages__"}
)
"""Directories that hold code of others; so do virtual environments, and those whose name begins with a dot."""

_RELEVANT = re.compile(
    "|".join(
        sorted(
            {name.partition(".")[0] for name in FIELDS}
            | {call.partition(".")[0] for call in CALLS}
            | {"choices", "parsed"}
        )
    ).encode()
)
"""A file with none of these words has nothing to find; looking into it would take most of the time."""

CHECKS = (unread_endings, unread_refusals, refusals_as_answers, refusals_lost_in_lookups)
_IGNORE = re.compile(r"#\s*otel-refusals:\s*ignore(?:\[([^\]]*)\])?")


def scan(
    paths: Iterable[str | Path], *, rules: Collection[RuleId] = RULES.keys(), exclude: Iterable[str] = ()
) -> Iterator[Finding]:
    """The findings in files and directories, file by file in the order of their names.

    Args:
        paths: Files, whatever their names; and directories, of which every `*.py` is scanned.
        rules: Which rules are looked for.
        exclude: Patterns of paths below a directory that are left out, as `fnmatch` reads them.

    Raises:
        FileNotFoundError: for a path that does not exist.
    """
    patterns = tuple(exclude)
    for path in map(Path, paths):
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist")
        for file in _files(path, patterns):
            try:
                source = file.read_bytes()
            except OSError as error:
                findings = [_unreadable(error.strerror or type(error).__name__)]
            else:
                findings = scan_source(source)
            yield from (replace(finding, path=file.as_posix()) for finding in findings if finding.rule in rules)


def scan_source(source: bytes | str, path: str = "") -> list[Finding]:
    """The findings in the text of one file, by line; one of `unreadable-file` for a text that is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = Module(ast.parse(source))
        if not _RELEVANT.search(source if isinstance(source, bytes) else source.encode(errors="replace")):
            return []
        findings = {finding for scope in module.scopes() for finding in chain.from_iterable(c(scope) for c in CHECKS)}
    except SyntaxError as error:
        return [replace(_unreadable(error.msg or "", error.lineno or 1, error.offset or 1), path=path)]
    except (ValueError, RecursionError, MemoryError) as error:
        return [replace(_unreadable(str(error) or type(error).__name__), path=path)]
    ignored = _ignored(source) if findings else {}
    return sorted(
        replace(finding, path=path) for finding in findings if finding.rule not in ignored.get(finding.line, ())
    )


def _unreadable(why: str, line: int = 1, column: int = 1) -> Finding:
    return Finding("", max(line, 1), max(column, 1), "unreadable-file", f"Not scanned: {why}.")


def _files(path: Path, exclude: tuple[str, ...]) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    waiting = [path]
    found: list[Path] = []
    while waiting:
        try:
            entries = list(waiting.pop().iterdir())
        except OSError:
            continue
        for entry in entries:
            below = entry.relative_to(path).as_posix()
            if any(fnmatch(below, pattern) or fnmatch(entry.name, pattern) for pattern in exclude):
                continue
            if entry.is_dir():
                if not _is_left_out(entry):
                    waiting.append(entry)
            elif entry.suffix == ".py":
                found.append(entry)
    yield from sorted(found)


def _is_left_out(directory: Path) -> bool:
    name = directory.name
    return directory.is_symlink() or name in NOT_SCANNED or name.startswith(".") or (directory / "pyvenv.cfg").exists()


def _ignored(source: bytes | str) -> dict[int, Collection[str]]:
    """The rules that comments switch off, by line: the comment's own, and for a comment alone the next one of code."""
    text = source.encode() if isinstance(source, str) else source
    ignored: dict[int, Collection[str]] = {}
    pending: set[str] = set()
    try:
        for token in tokenize.tokenize(io.BytesIO(text).readline):
            if token.type == tokenize.COMMENT and (found := _IGNORE.search(token.string)):
                named = found[1]
                rules = {name.strip() for name in named.split(",")} if named is not None else set(RULES)
                ignored[token.start[0]] = {*ignored.get(token.start[0], ()), *rules}
                if not token.line[: token.start[1]].strip():
                    pending |= rules
            elif pending and token.type not in {tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT}:
                ignored[token.start[0]] = {*ignored.get(token.start[0], ()), *pending}
                pending = set()
    except (tokenize.TokenError, SyntaxError, ValueError):
        return ignored
    return ignored
