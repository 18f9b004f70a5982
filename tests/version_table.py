"""Which versions are supported and tested: the tables of docs/versions.md, from pyproject.toml and constraints.txt.

`python -m tests.version_table` writes them; a test fails when they are stale.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "versions.md"

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
TOX = PROJECT["tool"]["tox"]
VENDORS = PROJECT["project"]["optional-dependencies"]["instruments-any"]
CORE = PROJECT["project"]["dependencies"]

_WHOLE = "tests"
"""What an environment runs that runs the whole suite."""


def supported() -> str:
    """One line per package: what is supported, and what the environments hold it at."""
    newest = {one.name.lower(): one for one in _requirements((ROOT / "constraints.txt").read_text().splitlines())}
    rows = ["| package | supported | tested |", "|---|---|---|"]
    for one in _requirements((*VENDORS, *CORE)):
        tested = {Version(version): version for version in (lowest(one), *_pins(one.name))}
        if one.name in newest:
            tested[Version(_pin(newest[one.name]))] = _pin(newest[one.name])
        versions = [f"`{tested[version]}`" for version in sorted(tested)]
        if one.name not in newest:
            versions.append("the newest")
        rows.append(f"| {one.name} | `{_bounds(one)}` | {', '.join(versions)} |")
    return "\n".join(rows)


def environments() -> str:
    """One line per environment of tox, with what it runs and where."""
    rows = ["| environment | Python | what is in it | what it runs | `make` |", "|---|---|---|---|---|"]
    for name in TOX["env_list"]:
        env = TOX["env"][name]
        ran = ", ".join(f"`{path}`" for path in _paths(env)) or "an import and a reading"
        target = "test" if name in TOX["labels"]["ci"] else "matrix"
        what = "the whole suite" if ran == f"`{_WHOLE}`" else ran
        rows.append(f"| `{name}` | {_python(name, env)} | {env['description']} | {what} | `{target}` |")
    return "\n".join(rows)


def lowest(requirement: Requirement) -> str:
    """The lower bound of a requirement, as it is written."""
    return next(one.version for one in requirement.specifier if one.operator == ">=")


def written(page: str) -> str:
    """`page` with its tables made anew."""
    for name, make in (("supported", supported), ("environments", environments)):
        begin, end = f"<!-- {name}: python -m tests.version_table -->", f"<!-- end of {name} -->"
        before, rest = page.split(begin)
        page = f"{before}{begin}\n{make()}\n{end}{rest.split(end)[1]}"
    return page


def _requirements(lines: Any) -> Iterator[Requirement]:
    return (Requirement(line) for line in lines if line and not line.startswith(("#", "-")))


def _pins(name: str) -> Iterator[str]:
    """The versions at which the environments pin `name`."""
    for env in TOX["env_list"]:
        lines = TOX["env"][env]["deps"]
        for one in _requirements(line for line in lines if isinstance(line, str)):
            if one.name == name and (version := _pin(one)):
                yield version


def _pin(requirement: Requirement) -> str:
    return next((one.version for one in requirement.specifier if one.operator == "=="), "")


def _bounds(requirement: Requirement) -> str:
    """With the lower one first."""
    return ", ".join(sorted(map(str, requirement.specifier), reverse=True))


def _paths(env: dict[str, Any]) -> list[str]:
    commands = env.get("commands", TOX["env_run_base"]["commands"])
    if isinstance(commands, dict):
        commands = TOX["env"][commands["of"][-2]]["commands"]
    words = [word for command in commands for word in command if isinstance(word, str)]
    return [word for word in words if re.fullmatch(r"tests(/[\w/.]+)?", word)]


def _python(name: str, env: dict[str, Any]) -> str:
    if found := re.fullmatch(r"py3(\d+)", name):
        return f"3.{found[1]}"
    if base := env.get("base_python"):
        return f"3.{base[0].removeprefix('py3')}"
    return "any"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
