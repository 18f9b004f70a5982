"""Draws and type-checks dashboards with Grafana's own components: node, npm and a headless Chromium do the work.

`render/` is a small node project. Its packages (half a gigabyte) are installed once, into a cache outside the checkout.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent / "render"

_CHECKED = 'import type {{ Checked }} from "../src/schema";\nexport const dashboard = {} satisfies Checked;\n'


class DrawingError(Exception):
    """What node or npm says when it fails."""


@dataclass(frozen=True, slots=True)
class Renderer:
    """The node project, ready to run.

    Args:
        home: A directory of its own, with the sources and what is made from them.
        node: The node program.
    """

    home: Path
    node: Path

    @classmethod
    def installed(cls, home: Path, cache: Path, node: Path, npm: Path) -> Renderer:
        """The project in `home`, its packages in `cache`; they are installed if `package.json` is a new one.

        Raises:
            DrawingError: when npm fails.
        """
        package = PROJECT / "package.json"
        packages = cache / f"render-{sha256(package.read_bytes()).hexdigest()[:12]}"
        packages.mkdir(parents=True, exist_ok=True)
        with (packages / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (packages / "done").exists():
                shutil.copy(package, packages)
                quiet = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error")
                _run([npm, "install", *quiet], packages, 900)
                (packages / "done").touch()
        shutil.copytree(PROJECT, home)
        (home / "node_modules").symlink_to(packages / "node_modules")
        return cls(home, node)

    def draw(
        self,
        dashboards: Mapping[Path, Mapping[str, str]],
        out: Path,
        *,
        prometheus: str,
        present: int,
        hours: int,
        chromium: Path,
    ) -> dict[str, Any]:
        """Draw each dashboard to `out/<name>.png`.

        Args:
            dashboards: The files, each with what its variables are set to; the others select everything.
            out: Where the pictures go.
            prometheus: The URL of what is queried.
            present: The Unix time at which the pages are looked at.
            hours: How far back they go.
            chromium: The browser.

        Returns:
            By dashboard, what went wrong on the page, and of each panel its title, `state` (`drawn`, `empty` or
            `error`) and text.

        Raises:
            DrawingError: when node fails.
        """
        drawing = {
            "prometheus": prometheus,
            "from": present - hours * 3600,
            "to": present,
            "chromium": str(chromium),
            "out": str(out),
            "dashboards": {str(file): dict(selected) for file, selected in dashboards.items()},
        }
        report: dict[str, Any] = json.loads(_run([self.node, "draw.mjs", json.dumps(drawing)], self.home, 240).stdout)
        return report

    def type_errors(self, dashboards: Mapping[str, str]) -> str:
        """What the TypeScript compiler says to dashboards (and to the project itself); empty if nothing.

        Args:
            dashboards: The JSON of each by a name.
        """
        checked = self.home / "checked"
        shutil.rmtree(checked, ignore_errors=True)
        checked.mkdir()
        for name, text in dashboards.items():
            (checked / f"{name}.ts").write_text(_CHECKED.format(text.strip()), encoding="utf-8")
        return _run([self.node, "node_modules/typescript/bin/tsc", "-p", "."], self.home, 240, fine=(0, 1, 2)).stdout


def _run(
    command: Sequence[str | Path], home: Path, patience: float, *, fine: Sequence[int] = (0,)
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=patience, check=False)  # noqa: S603 programs of the machine, no shell
    if done.returncode not in fine:
        raise DrawingError(f"{command[0]} {command[1]}: {done.stderr[-4000:] or done.stdout[-4000:]}")
    return done
