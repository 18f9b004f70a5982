"""That an environment holds the lowest of our bounds: `python -m tests.lowest EXTRA...`, for the core without extras.

A resolver that cannot have a lower bound takes a higher version and says nothing; the bound would be proven by nobody.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import requires, version

from packaging.requirements import Requirement
from packaging.version import Version

PACKAGE = "otel-refusals"


def bounds(extra: str) -> Iterator[tuple[str, str]]:
    """Name and lower bound of what an extra asks for, with the extras that it names; of the core, if it is empty."""
    for one in map(Requirement, requires(PACKAGE) or ()):
        if not (one.marker.evaluate({"extra": extra}) if one.marker else not extra):
            continue
        if one.name == PACKAGE:
            for further in one.extras:
                yield from bounds(further)
        else:
            yield one.name, next(bound.version for bound in one.specifier if bound.operator == ">=")


def above(name: str, bound: str) -> bool:
    """Whether `name` is installed at more than its bound; every 1.11.x meets one of 1.11, as 1.11.0 may be yanked."""
    release = Version(bound).release
    lowest = (*release, 0) if len(release) == 1 else release
    return Version(version(name)).release[: len(lowest)] != lowest


def main(extras: list[str]) -> str | None:
    """What is wrong, for people; nothing if each bound is met."""
    wrong = []
    for extra in extras or [""]:
        asked = list(bounds(extra))
        if not asked:
            wrong.append(f"{PACKAGE} has no extra {extra}")
        for name, bound in asked:
            if above(name, bound):
                wrong.append(f"{name} {version(name)} is installed, {bound} is the bound")
    return "\n".join(wrong) or None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
