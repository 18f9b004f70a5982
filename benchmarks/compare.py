"""Otel-refusals beside every other instrumentation, each in an environment of its own: tests, figures and their table.

    python benchmarks/compare.py [--work DIR] [--pairs 20] [--table] [NAME ...]

Installs the newest anthropic and openai that each of the others allows (with uv, where there is one), runs
`tests/peers` and `cost.py` there, and writes docs/performance.md. Exit status 1 when a test fails or a bound is broken.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from peers import PEERS
from performance import page

REPOSITORY = Path(__file__).resolve().parent.parent
OURS = "otel-refusals"
NEEDED = ("anthropic", "openai", "opentelemetry-sdk", "hypothesis", "pytest", "pyyaml")


def install(name: str, work: Path) -> Path:
    """The Python of an environment that has the SDKs, this checkout, and the peer of that name."""
    environment = work / name
    python = environment / "bin" / "python"
    # What stands first is taken at its newest, whatever that means for the rest.
    wanted = [*(PEERS[name].requirements if name in PEERS else ()), *NEEDED, "--editable", str(REPOSITORY)]
    if (uv := shutil.which("uv")) is not None:
        _run(uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(environment))
        _run(uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), *wanted)
    else:
        _run(sys.executable, "-m", "venv", str(environment))
        _run(str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install", *wanted)
    return python


def examine(names: Iterable[str], work: Path, pairs: int) -> bool:
    """Test and measure in each environment; whether all was as it has to be."""
    good = True
    for name in names:
        print(f"== {name}", flush=True)
        python = str(install(name, work))
        measuring = [python, "benchmarks/cost.py", "--pairs", str(pairs), "--json", str(work / f"{name}.json")]
        commands = [measuring]
        if name in PEERS:
            measuring += ["--peer", name, "--only", "call,first,stream,footprint,scale"]
            quiet = ("-q", "-p", "no:cacheprovider", "-p", "no:otel_refusals", "-o", "addopts=-ra")
            commands.insert(0, [python, "-m", "pytest", *quiet, "tests/peers"])
        for command in commands:
            good &= subprocess.run(command, cwd=REPOSITORY, check=False).returncode == 0
    return good


def main(arguments: Sequence[str] | None = None) -> int:
    """Install, examine, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {OURS}, {', '.join(PEERS)} (default: all)")
    parser.add_argument("--work", type=Path, help="where to install and keep the figures (default: a new directory)")
    parser.add_argument("--pairs", type=int, default=20, help="interleaved rounds (default: %(default)s)")
    parser.add_argument("--table", action="store_true", help="only write the table, from the figures that are kept")
    options = parser.parse_args(arguments)
    names = options.names or [OURS, *PEERS]
    if unknown := set(names) - {OURS, *PEERS}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    work = (options.work or Path(tempfile.mkdtemp(prefix="peers-"))).resolve()
    work.mkdir(parents=True, exist_ok=True)
    good = options.table or examine(names, work, options.pairs)
    runs = {name: json.loads(path.read_text()) for name in (OURS, *PEERS) if (path := work / f"{name}.json").exists()}
    if OURS not in runs:
        parser.exit(1, f"no table without the figures of {OURS}: name it too, or a --work that has them\n")
    (REPOSITORY / "docs" / "performance.md").write_text(page(runs.pop(OURS), runs))
    print(f"docs/performance.md is written; the environments and figures are in {work}")
    return 0 if good else 1


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    sys.exit(main())
