"""A child process that ends with the `with` that started it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_GRACE = 10.0
"""Seconds that a process has to end by itself."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process that runs.

    Args:
        name: Its name, for people.
        log: The file that has what it prints.
        popen: The process itself.
    """

    name: str
    log: Path
    popen: subprocess.Popen[bytes]

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self.popen.poll() is not None

    @property
    def said(self) -> str:
        """All that it has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def last_words(self) -> str:
        """The last lines of that."""
        return "\n".join(self.said.strip().splitlines()[-12:])


@contextmanager
def running(
    name: str, command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Process]:
    """Run a process until the end of the `with`, then ask it to end, and make it end if it does not.

    Args:
        name: Its name, for people.
        command: The program and its arguments.
        log: Takes what it prints.
        environment: Its whole environment; ours by default.

    Raises:
        OSError: when it cannot be started.
    """
    with log.open("ab") as said:
        # In a session of its own: a Ctrl-C on the terminal is for us, who then end it.
        popen = subprocess.Popen(
            [str(part) for part in command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Process(name, log, popen)
    finally:
        popen.terminate()
        try:
            popen.wait(_GRACE)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()
