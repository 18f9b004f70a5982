"""The real servers that the bundle is tested on: where each one is, and one running for the length of a `with`.

`.ci/servers` puts them into one directory. What is not there is looked for on the PATH, and what is nowhere leaves
out the tests marked `needs` (see `tests.bundle.left_out`). A running server listens on loopback alone, keeps its
data and its log in a directory of the test, and is stopped with the test.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PATIENCE = 30.0
"""Seconds until something awaited is taken not to come."""

_LOOK_EVERY = 0.05
_PORTS = range(15000, 32000)  # under the ports that systems give to outgoing connections


@dataclass(frozen=True, slots=True)
class Program:
    """A program under its name in the directory of `.ci/servers`.

    Args:
        on_path: What it may be called on the PATH.
        version: What it must say of its version, if another one would not do.
    """

    on_path: tuple[str, ...]
    version: str = ""


PROGRAMS: Mapping[str, Program] = {
    "prometheus": Program(("prometheus",), "version 3."),
    "promtool": Program(("promtool",), "version 3."),
    "prometheus-2.42": Program(("prometheus",), "version 2.42."),
    "promtool-2.42": Program(("promtool",), "version 2.42."),
    "alertmanager": Program(("alertmanager", "prometheus-alertmanager")),
    "amtool": Program(("amtool",)),
    "victoria-metrics": Program(("victoria-metrics", "victoria-metrics-prod")),
    "vmalert": Program(("vmalert", "vmalert-prod")),
    "vmalert-tool": Program(("vmalert-tool", "vmalert-tool-prod")),
    "otelcol": Program(("otelcol-contrib", "otelcol")),
    "jaeger": Program(("jaeger",)),
    "pint": Program(("pint",)),
    "docker-compose": Program(("docker-compose",)),
    "chromium": Program(("chromium", "chromium-browser")),
    "node": Program(("node",)),
    "npm": Program(("npm",)),
}


class ServerError(Exception):
    """A server that is not there or does not come up, or something awaited that does not come."""


def directory() -> Path:
    """Where `.ci/servers` puts the programs."""
    cached = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "otel-refusals" / "servers"
    return Path(os.environ.get("OTEL_REFUSALS_SERVERS") or cached) / "bin"


def server(name: str) -> Path | None:
    """The program of that name, from `directory()` or the PATH; None where there is none.

    Raises:
        KeyError: for a name that is not in `PROGRAMS`.
    """
    program = PROGRAMS[name]
    if installed := shutil.which(directory() / name):
        return Path(installed)
    found = filter(None, map(shutil.which, program.on_path))
    fits = (path for path in found if not program.version or program.version in _version(path))
    return next(map(Path, fits), None)


@cache
def _version(path: str) -> str:
    """What the program says of its version."""
    run = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=PATIENCE)
    return run.stdout + run.stderr


def path_of(name: str) -> Path:
    """The program of that name.

    Raises:
        ServerError: when it is not on this machine.
    """
    if path := server(name):
        return path
    raise ServerError(f"{name} is not on this machine: run .ci/servers")


def free_port() -> int:
    """A loopback port that nobody listens on, that no outgoing connection takes, and that no other test is given.

    A server may take seconds to listen on it, so it stays reserved until this process ends: one byte of a file, locked.
    """
    while True:
        port = secrets.choice(_PORTS)  # never seeded, so that no two processes try the same
        if port in _reserved:
            continue
        with socket.socket() as probe:
            try:
                fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _reserved.add(port)
        return port


_reserved: set[int] = set()


@cache
def _reservations() -> int:
    """The file whose bytes stand for ports; its locks end with the process."""
    return os.open(Path(tempfile.gettempdir()) / "otel-refusals-ports", os.O_RDWR | os.O_CREAT, 0o600)


def until(holds: Callable[[], object], awaited: str, patience: float = PATIENCE) -> None:
    """Wait until `holds()` is true.

    Args:
        holds: Asked about twenty times a second. An OSError (not listening yet) is a no.
        awaited: What is waited for, for the error.
        patience: Seconds after which it is taken not to come.

    Raises:
        ServerError: when it did not come in time.
    """
    deadline = time.monotonic() + patience
    while not _holds(holds):
        if time.monotonic() > deadline:
            raise ServerError(f"waited {patience:g} s in vain: {awaited}")
        time.sleep(_LOOK_EVERY)


def _holds(condition: Callable[[], object]) -> bool:
    try:
        return bool(condition())
    except OSError:
        return False


def answers(url: str) -> bool:
    """Whether a GET of that URL is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except urllib.error.HTTPError as error:
        error.close()
        return False


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs.

    Args:
        url: Where it listens, without a slash at the end.
        log: The file that has what it prints.
        process: Its process.
    """

    url: str
    log: Path
    process: subprocess.Popen[bytes]


@contextmanager
def running(
    command: Sequence[str | Path],
    ready: str | Callable[[], object],
    home: Path,
    *,
    url: str = "",
    environment: Mapping[str, str] | None = None,
    patience: float = PATIENCE,
) -> Iterator[Server]:
    """Run a server until the end of the `with`.

    Args:
        command: The program and its arguments.
        ready: A URL that answers 200 once the server is ready, or a condition that holds then.
        home: Its working directory, made if need be; the log goes there as `<program>.log`.
        url: Where it listens, for `Server.url`.
        environment: Variables on top of those of the test.
        patience: Seconds it may take to become ready.

    Raises:
        ServerError: when it ends or does not become ready in time.
    """
    home.mkdir(parents=True, exist_ok=True)
    log = home / f"{Path(command[0]).name}.log"

    def is_ready() -> bool:
        if process.poll() is not None:
            raise ServerError(f"{command[0]} ended with {process.returncode}")
        return answers(ready) if isinstance(ready, str) else bool(ready())

    with log.open("ab") as said:
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=home,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        try:
            until(is_ready, f"{command[0]} to be ready", patience)
        except ServerError as error:
            raise ServerError(f"{error}; the end of its log:\n{_tail(log)}") from None
        yield Server(url, log, process)
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def missing() -> list[str]:
    """The names of the programs that are not on this machine."""
    return [name for name in PROGRAMS if server(name) is None]


if __name__ == "__main__":
    if names := missing():
        sys.exit(f"LEFT OUT: the tests that need {', '.join(names)}. Install them with .ci/servers")
