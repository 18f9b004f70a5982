"""What a child process of the doctor tells, one JSON object per line, and how the doctor runs one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_MARK = "otel-refusals-doctor "
"""Before each line: other things may be printed in a process that imports other people's code."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a child told, and how it ended.

    Args:
        lines: What it told, in order.
        failure: Why it did not come to its end; empty if it did.
    """

    lines: tuple[Mapping[str, Any], ...]
    failure: str

    def all(self, kind: str) -> Iterator[Mapping[str, Any]]:
        """The lines of one kind."""
        return (line for line in self.lines if line.get("kind") == kind)

    def one(self, kind: str) -> Mapping[str, Any]:
        """The only line of its kind; empty if it was not told."""
        return next(self.all(kind), {})


class Telling:
    """The child's side: tells lines on what was its standard output, and sends what else is printed to the errors."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def tell(self, kind: str, **facts: object) -> None:
        """Tell one line, at once: the process may be ended before its end."""
        self._out.write(f"\n{_MARK}{json.dumps({'kind': kind, **facts})}\n")
        self._out.flush()


def run_child(arguments: Sequence[str], environment: Mapping[str, str], limit: float) -> Report:
    """Run a child until it ends, or end it after `limit` seconds."""
    # Files and not pipes: a process that the child has started may hold a pipe open for ever.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(  # noqa: S603 - this Python
            [sys.executable, "-m", "otel_refusals.doctor.child", *arguments],
            env=_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        failure = ""
        try:
            code = child.wait(limit)
            if code:
                failure = f"the process ended with exit code {code}: {_last_line(err)}"
        except subprocess.TimeoutExpired:
            failure = f"the process did not end within {limit:g} s"
        finally:
            child.kill()
            child.wait()
        return Report(tuple(_lines(out)), failure)


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Without what makes Python set OpenTelemetry up as it starts: the child does it when it is ready to listen.

    LiteLLM would fetch its prices from the network when it is imported.
    """
    path = [
        entry
        for entry in environment.get("PYTHONPATH", "").split(os.pathsep)
        if Path(entry).parts[-2:] != ("instrumentation", "auto_instrumentation")
    ]
    return {**environment, "PYTHONPATH": os.pathsep.join(path), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}


def _lines(out: IO[bytes]) -> Iterator[Mapping[str, Any]]:
    out.seek(0)
    for line in out.read().decode(errors="replace").splitlines():
        if line.startswith(_MARK):
            yield json.loads(line.removeprefix(_MARK))


def _last_line(err: IO[bytes]) -> str:
    err.seek(0)
    said = err.read().decode(errors="replace").strip().splitlines()
    return said[-1].strip() if said else "it said nothing"
