"""Walks the releases between the tested ones: `python -m tests.between [PACKAGE...]`, all by default.

On each release the wire fixtures must read as the manifest says, or the SDK must be skipped with its reason; exits with
1 if one does neither. Environments are made and dropped by uv, with the lowest of our bounds.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from packaging.requirements import Requirement
from packaging.version import Version
from uv import find_uv_bin

from otel_refusals.vendors import VENDORS

STEPS = 12
"""How many steps there are to a package at about even distances, beside those that its changes ask for."""


@dataclass(frozen=True)
class Walk:
    """The tests of some packages, and what these need beside them."""

    packages: tuple[str, ...]
    tests: tuple[str, ...]
    needs: tuple[str, ...] = ()


WALKS = (
    # A part of the ways of reading an answer; each surface is read in one of them at least.
    Walk(("anthropic", "openai"), ("tests/sdk/test_sdk_readings.py", "-k", "create or helper or lines")),
    Walk(("google-genai",), ("tests/sdk/google_genai/test_readings.py",)),
    Walk(("mistralai",), ("tests/sdk/mistralai/test_readings.py",)),
    Walk(("cohere",), ("tests/sdk/cohere/test_readings.py",)),
    Walk(("botocore",), ("tests/sdk/botocore/test_readings.py",), ("urllib3>=1.26.20",)),
    Walk(("litellm",), ("tests/sdk/litellm",), ("mcp>=2.2", "tenacity>=8.2")),
)
_FAULTY = {("google-genai", Version("1.29.0"))}
"""What fails by itself: the asynchronous streams of this one name an aiohttp that it has not imported."""

# At the lowest that the SDK of a step takes, from what raises no warnings on a present Python; the chat helper of
# openai 2.17, and some after it, fails by itself on a pydantic below 2.11.
_BESIDE = ("httpx>=0.27", "opentelemetry-sdk", "pydantic>=2.11", "hypothesis>=6.100", "pytest>=8.2", "pyyaml>=6")


def releases(package: str) -> list[Version]:
    """What the index has within the bounds, without pre-releases and what fails by itself, oldest first."""
    vendor = next(vendor for vendor in VENDORS if Requirement(vendor.requires).name == package)
    told = subprocess.run(
        [sys.executable, "-m", "pip", "index", "versions", package], check=True, capture_output=True, text=True
    ).stdout
    listed = re.search(r"^Available versions: (.*)$", told, re.MULTILINE)
    assert listed, told
    within = Requirement(vendor.requires).specifier
    known = map(Version, listed[1].split(", "))
    return sorted(version for version in known if version in within and (package, version) not in _FAULTY)


def steps(package: str, known: list[Version]) -> list[Version]:
    """Of the `known` ones some minor releases, and those on either side of each change of what is patched."""
    firsts = list({version.release[:2]: version for version in reversed(known)}.values())[::-1]
    chosen = {*firsts[:: max(1, len(firsts) // STEPS)], known[-1]}
    for vendor in VENDORS:
        if Requirement(vendor.requires).name == package:
            for since in {Version(point.since) for point in vendor.chokepoints if point.since}:
                chosen |= {*[version for version in known if version < since][-1:]}
                chosen |= {*[version for version in known if version >= since][:1]}
    return sorted(chosen)


def walk(one: Walk, packages: list[str]) -> Iterator[bool]:
    """Say how each step went, and tell whether it went well."""
    if not set(packages) & set(one.packages):
        return
    chosen = [steps(package, releases(package)) for package in one.packages]
    # Packages that share their tests go at one pace; the shorter one stays at its last.
    for step in zip_longest(*chosen):
        pins = [
            f"{package}=={version or own[-1]}" for package, version, own in zip(one.packages, step, chosen, strict=True)
        ]
        began = time.monotonic()
        result = read(one, pins)
        sys.stdout.write(f"{', '.join(pins)}: {result} ({time.monotonic() - began:.0f} s)\n")
        sys.stdout.flush()
        yield result.startswith(("skipped", "read"))


def read(one: Walk, pins: list[str]) -> str:
    """What became of one step, in words."""
    beside = [f"--with={need}" for need in (*pins, *one.needs, *_BESIDE)]
    run = [find_uv_bin(), "run", "-q", "--no-project", "--isolated", "--resolution=lowest-direct"]
    tests = ["pytest", "-q", "--no-header", "-rN", "--tb=line", "-p", "no:cacheprovider", "--log-cli-level=WARNING"]
    tests += ["-W", "default"]  # some releases warn of their own escape sequences, arguments and unclosed clients
    told = subprocess.run(
        [*run, "--with-editable=.", *beside, "python", "-m", *tests, *one.tests],
        check=False,
        capture_output=True,
        text=True,
    )
    lines = told.stdout.splitlines() or told.stderr.splitlines()
    if not told.returncode:
        return f"read: {lines[-1].strip('= ')}"
    if skipped := re.findall(r"\w+ is not instrumented: .*", told.stdout):
        return f"skipped: {'; '.join(dict.fromkeys(skipped))}"
    first = next((line for line in lines if "Error" in line or "Warning" in line), "")
    return f"FAILED: {lines[-1].strip('= ')}; {first}"


def main(packages: list[str]) -> int:
    """Walk, and give the exit code."""
    known = [package for one in WALKS for package in one.packages]
    if unknown := set(packages) - set(known):
        sys.exit(f"no walk for {', '.join(sorted(unknown))}; there is one for {', '.join(known)}")
    return int(sum(not well for one in WALKS for well in walk(one, packages or known)) > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
