"""The vendors' own test suites, plain and instrumented: whatever passes plain has to pass instrumented.

    python benchmarks/vendor_suites.py anthropic==2.12.0 openai==3.54.0 [--providers api] [--work DIR] [--processes 2]

Takes the source distribution of each version, a fresh environment for it and this checkout, and some minutes. Needs
Python 3.11 and a package index. Left out are `tests/api_resources`, which want a mock server. Exit status 1 if a test
passes plain and fails instrumented, unless it is one of `BY_DESIGN`.

pytest loads this very file as its plugin, which instruments the SDK before anything imports it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

REPOSITORY = Path(__file__).resolve().parent.parent
PROVIDERS = "OTEL_REFUSALS_VENDOR_SUITES"

BY_DESIGN = {
    "test_unary_attributes": "wants the exact attributes of the SDK's own span, which is annotated",
    "test_disabled_spans_call_nothing_of_opentelemetry": "counting asks for the current span, in OpenTelemetry's SDK",
    "test_stop_reason_is_the_one_in_the_response": "wants the SDK's own span without `finish_reasons`",
}
"""Tests that forbid what an instrumentation is for."""

Results = dict[str, str]
"""`passed`, `skipped` or the message of the failure, by test."""


def pytest_configure() -> None:
    """Instrument, as the environment says; a hook of pytest's."""
    providers = os.environ.get(PROVIDERS, "none")
    if providers == "none":
        return
    import otel_refusals

    otel_refusals.instrument(**(_sdk_providers() if providers == "sdk" else {}))


def _sdk_providers() -> dict[str, Any]:
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    tracer_provider = TracerProvider()
    tracer_provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    return {
        "spans": "all",
        "tracer_provider": tracer_provider,
        "meter_provider": MeterProvider([InMemoryMetricReader()]),
        "logger_provider": LoggerProvider(),
    }


class Suite:
    """The test suite of one version of a vendor's SDK, in an environment of its own.

    Args:
        version: A requirement such as `anthropic==2.12.0`.
        work: A directory to unpack, install and report in.
        processes: How many test processes to run.
    """

    def __init__(self, version: str, work: Path, processes: int) -> None:
        self._version = version
        self._work = work / version
        self._work.mkdir(parents=True, exist_ok=True)
        self._processes = processes
        self._python = self._work / "env" / "bin" / "python"
        self._source = self._unpacked()

    def install(self) -> None:
        """Install the SDK from its source with everything its tests need, and this checkout."""
        import tomllib

        installed = self._work / "installed"
        if installed.exists():
            return
        _run(sys.executable, "-m", "venv", self._work / "env")
        self._pip("install", "--upgrade", "pip>=25.1")
        project = tomllib.loads((self._source / "pyproject.toml").read_text())
        extras = ",".join(project["project"].get("optional-dependencies", {}))
        if "dev" in project.get("dependency-groups", {}):
            needed = ["--group", f"{self._source / 'pyproject.toml'}:dev"]
        else:
            needed = [*project["tool"]["rye"]["dev-dependencies"], "pytest-xdist"]
        sdk = f"{self._source}[{extras}]"
        self._pip("install", sdk, *needed, "--editable", REPOSITORY, "opentelemetry-sdk")
        installed.touch()

    def results(self, providers: str) -> Results:
        """Run the suite; `providers` is `none` for the plain SDK, `api` without an OpenTelemetry SDK, or `sdk`."""
        report = self._work / f"{providers}.xml"
        report.unlink(missing_ok=True)
        # Native tracebacks: pytest's own parse the source, at which Python 3.11.7 can fail while it collects garbage.
        options = ["--quiet", "--tb=native", "--ignore=tests/api_resources", f"--junitxml={report}"]
        with (self._work / f"{providers}.log").open("w") as log:
            ended = subprocess.run(
                [self._python, "-m", "pytest", "-p", Path(__file__).stem, "-n", str(self._processes), *options],
                cwd=self._source,
                env={**os.environ, PROVIDERS: providers, "PYTHONPATH": str(Path(__file__).parent), "CI": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if ended.returncode not in (0, 1):
            raise SystemExit(f"{self._version}: pytest ended with {ended.returncode}, see {log.name}")
        return _read(report)

    def _unpacked(self) -> Path:
        name = self._version.partition("=")[0]
        if not list(self._work.glob("*.tar.gz")):
            options = ("--quiet", "--no-deps", "--no-binary", name, "--dest", self._work)
            _run(sys.executable, "-m", "pip", "download", *options, self._version)
        (archive,) = self._work.glob("*.tar.gz")
        source = self._work / archive.name.removesuffix(".tar.gz")
        if not source.exists():
            with tarfile.open(archive) as files:
                files.extractall(self._work, filter="data")
        return source

    def _pip(self, *arguments: str | Path) -> None:
        _run(self._python, "-m", "pip", "--quiet", *arguments)


def broken(plain: Results, instrumented: Results) -> Results:
    """The message of each test that passes plain and does not pass instrumented."""
    return {
        test: instrumented.get(test, "did not run")
        for test, result in sorted(plain.items())
        if result == "passed" and instrumented.get(test) != "passed"
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suites.

    Returns:
        1 if a test passes plain and fails instrumented, and not by design.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("versions", nargs="+", metavar="SDK==VERSION")
    parser.add_argument("--providers", choices=("api", "sdk"), default="sdk", help="without or with an OTel SDK")
    parser.add_argument("--work", type=Path, help="where to unpack and install; kept, and used again")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(arguments)
    work = (options.work or Path(tempfile.mkdtemp(prefix="vendor-suites-"))).resolve()
    failed = False
    for version in options.versions:
        suite = Suite(version, work, options.processes)
        suite.install()
        plain, instrumented = suite.results("none"), suite.results(options.providers)
        found = broken(plain, instrumented)
        by_design = {test for test in found if test.rpartition("::")[2].partition("[")[0] in BY_DESIGN}
        passed = sum(result == "passed" for result in plain.values())
        print(f"{version}: {passed} pass plain, {len(found)} of them fail instrumented, {len(by_design)} by design")
        for test in sorted(found.keys() - by_design):
            print(f"  {test}\n    {found[test]}")
        failed = failed or bool(found.keys() - by_design)
    print(f"reports: {work}")
    return int(failed)


def _read(report: Path) -> Results:
    results: Results = {}
    for case in ET.parse(report).iter("testcase"):
        outcome = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
        result = "passed" if outcome is None else outcome.tag
        if result in ("failure", "error") and outcome is not None:
            result = (outcome.get("message") or "failed").partition("\n")[0][:200]
        test = f"{case.get('classname')}::{case.get('name')}"
        if results.get(test, "passed") == "passed":
            results[test] = result
    return results


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    raise SystemExit(main())
