"""One version of a vendor's SDK with its tests, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.vendor_suites import outcomes
from benchmarks.vendor_suites.instrumented import MODE, OUTCOMES
from benchmarks.vendor_suites.outcomes import Outcomes
from benchmarks.vendor_suites.suites import Suite
from otel_refusals.testing import StubServer

REPOSITORY = Path(__file__).resolve().parent.parent.parent

_ALWAYS = ("pytest", "pytest-timeout", "pytest-xdist", "opentelemetry-sdk")

# Native tracebacks: pytest's own parse the source, at which Python 3.11.7 can fail while it collects garbage.
_PYTEST = (
    *("-m", "pytest", "-p", "vendor_suites.instrumented"),
    *("--quiet", "--tb=native", "--timeout=300", "--continue-on-collection-errors"),
)

_ENDED = (0, 1, 5)
"""Exit statuses of pytest that tell of tests: all passed, some failed, none there."""


class Environment:
    """A suite that is unpacked and installed, with this checkout and OpenTelemetry.

    Args:
        suite: What to run.
        version: Of the SDK; empty for the newest.
        work: The directory to unpack, install and report in; what is there already is used again.
        processes: How many processes to run whole files of tests in.

    Raises:
        subprocess.CalledProcessError: for what cannot be downloaded or installed.
    """

    def __init__(self, suite: Suite, version: str, work: Path, processes: int) -> None:
        self._suite = suite
        self._requirement = f"{suite.name}=={version}" if version else suite.name
        self._work = work / self._requirement
        self._work.mkdir(parents=True, exist_ok=True)
        self._processes = processes
        self._runs = 0
        self._python = self._work / "env" / "bin" / "python"
        self._source = self._unpacked()
        self._install()

    @property
    def name(self) -> str:
        """The SDK and its version, for example `openai-3.54.0`."""
        return self._source.name

    def run(self, mode: str, tests: Sequence[str]) -> Outcomes:
        """Run `tests`, paths or ids of pytest's, as far as this version has them: `plain`, or instrumented as `api` or
        `sdk`.

        Raises:
            SystemExit: for a run that came to no end of its own.
        """
        there = [test for test in tests if (self._source / test.partition("::")[0]).exists()]
        if not there:
            return {}  # told of none, pytest would run all
        self._runs += 1
        processes = 0 if all("::" in test for test in there) else self._processes  # a few: to start more takes longer
        told, log = (self._work / f"{self._runs}-{mode}.{kind}" for kind in ("jsonl", "log"))
        with log.open("w") as output, StubServer() as vendor:
            ended = subprocess.run(
                [self._python, *_PYTEST, f"-n{processes}", *self._ignored(), *there],
                cwd=self._source,
                env={**os.environ, **self._variables(mode), OUTCOMES: str(told), "TEST_API_BASE_URL": vendor.url},
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if ended.returncode not in _ENDED:
            raise SystemExit(f"{self.name}, {mode}: pytest ended with {ended.returncode}, see {log}")
        return outcomes.read(told.read_text().splitlines())

    def _variables(self, mode: str) -> dict[str, str]:
        variables = {"PYTHONPATH": str(REPOSITORY / "benchmarks"), MODE: mode, "CI": "1"}
        if mode == "sdk":  # in the other mode, these spans would go to the providers that the tests themselves set
            variables["OTEL_REFUSALS_SPANS"] = "all"
        return {**variables, **self._suite.environment}

    def _ignored(self) -> Iterator[str]:
        for path in self._suite.left_out:
            for file in sorted((self._source / path).rglob("test_*.py")):
                name = file.relative_to(self._source).as_posix()
                if name not in self._suite.answered:
                    yield f"--ignore={name}"

    def _unpacked(self) -> Path:
        if not list(self._work.glob("*.tar.gz")):
            options = ("--quiet", "--no-deps", "--no-binary", self._suite.name, "--dest", self._work)
            _run(sys.executable, "-m", "pip", "--disable-pip-version-check", "download", *options, self._requirement)
        (archive,) = self._work.glob("*.tar.gz")
        source = self._work / archive.name.removesuffix(".tar.gz")
        if not source.exists():
            with tarfile.open(archive) as files:
                files.extractall(self._work, filter="data")
        return source

    def _install(self) -> None:
        """Install with uv: of the minutes that pip takes for a hundred packages, it leaves seconds."""
        installed = self._work / "installed"
        if installed.exists():
            return
        _run(sys.executable, "-m", "uv", "venv", "--quiet", "--clear", "--python", sys.executable, self._work / "env")
        needed = [*_ALWAYS, *self._suite.needs, *self._declared()]
        if self._requirement == f"{self._suite.name}=={self._suite.oldest}":
            needed += self._suite.oldest_needs
        install = (sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", self._python)
        _run(*install, f"{self._source}[{','.join(self._extras())}]", "--editable", REPOSITORY, *needed)
        installed.touch()

    def _project(self) -> dict[str, Any]:
        import tomllib

        return tomllib.loads((self._source / "pyproject.toml").read_text())

    def _extras(self) -> Sequence[str]:
        if self._suite.extras is not None:
            return self._suite.extras
        return list(self._project().get("project", {}).get("optional-dependencies", {}))

    def _declared(self) -> list[str]:
        """What the SDK says that its tests need: in a dependency group, or as rye had it."""
        project = self._project()
        if self._suite.group in project.get("dependency-groups", {}):
            return ["--group", f"{self._source / 'pyproject.toml'}:{self._suite.group}"]
        return list(project.get("tool", {}).get("rye", {}).get("dev-dependencies", []))


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True)
