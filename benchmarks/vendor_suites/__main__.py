"""Run the vendors' own test suites, plain and instrumented.

    python -m benchmarks.vendor_suites                                # all of them, the newest and some oldest versions
    python -m benchmarks.vendor_suites --slice anthropic openai==3.54.0

Takes the source distribution of each SDK, a fresh environment for it and this checkout, and some minutes each. Needs
Python 3.11, uv, and a package index; the tests themselves stay on this machine. Exit status 1 if a test passes plain
and fails instrumented, confirmed by a second run of it, unless it is one that the suite names as an exception.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.vendor_suites.environment import REPOSITORY, Environment
from benchmarks.vendor_suites.outcomes import PASSED, Outcomes, broken, failures, lost
from benchmarks.vendor_suites.suites import SUITES, Suite

MODES = ("api", "sdk")


def whole(environment: Environment, suite: Suite, modes: Sequence[str]) -> dict[str, Outcomes]:
    """What broke in the whole suite, by mode."""
    plain = environment.run("plain", suite.tests)
    passed = sum(outcome == PASSED for outcome in plain.values())
    print(f"{environment.name}: {len(plain)} tests, {passed} pass plain", flush=True)
    return {mode: broken(lost(plain, environment.run(mode, suite.tests)), environment.run, mode) for mode in modes}


def sliced(environment: Environment, suite: Suite, modes: Sequence[str]) -> dict[str, Outcomes]:
    """What broke in the slice, by mode: of the tests, only those that fail are run plain at all."""
    found = {}
    for mode in modes:
        instrumented = environment.run(mode, suite.slice)
        passed = sum(outcome == PASSED for outcome in instrumented.values())
        print(f"{environment.name}, a slice, {mode}: {len(instrumented)} tests, {passed} pass", flush=True)
        found[mode] = broken(failures(instrumented), environment.run, mode)
    return found


def judged(found: Mapping[str, str], by_design: Mapping[str, str]) -> Outcomes:
    """Of `found`, what is no exception. Tells of both."""
    faults = {}
    for test, message in found.items():
        reason = by_design.get(test.partition("[")[0].rpartition("::")[2])
        if reason is None:
            faults[test] = message
        print(f"  {test}\n    " + (message if reason is None else f"by design: {reason}"))
    return faults


def chosen(requirement: str) -> tuple[Suite, str]:
    """The suite and the version of a requirement such as `openai==3.54.0`; no version for the newest.

    Raises:
        argparse.ArgumentTypeError: for an SDK whose tests are not to be had.
    """
    name, _, version = requirement.partition("==")
    for suite in SUITES:
        if suite.name == name:
            return suite, version
    known = ", ".join(suite.name for suite in SUITES)
    raise argparse.ArgumentTypeError(f"{requirement!r}: there are suites of {known}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suites.

    Returns:
        1 if the instrumentation broke a test.
    """
    parser = argparse.ArgumentParser(prog="vendor_suites", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("suites", nargs="*", type=chosen, metavar="SDK[==VERSION]", help="all of them by default")
    parser.add_argument("--slice", action="store_true", help="only what drives clients, streams and helpers")
    parser.add_argument(
        "--modes", nargs="+", choices=("api", "sdk"), default=("api", "sdk"), help="without or with an OTel SDK"
    )
    parser.add_argument("--work", type=Path, default=REPOSITORY / ".tox" / "vendor-suites", help="kept, and used again")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(arguments)
    run = sliced if options.slice else whole
    wanted = options.suites or [(suite, version) for suite in SUITES for version in {"": 0, suite.oldest: 0}]
    faults: Outcomes = {}
    for suite, version in wanted:
        environment = Environment(suite, version, options.work.resolve(), options.processes)
        for mode, found in run(environment, suite, options.modes).items():
            print(f"{environment.name}, {mode}: {len(found)} broken", flush=True)
            faults |= judged(found, suite.by_design)
    print(f"{len(faults)} tests are broken by the instrumentation. Reports: {options.work}")
    return int(bool(faults))


if __name__ == "__main__":
    raise SystemExit(main())
