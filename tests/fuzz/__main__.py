"""`python -m tests.fuzz`: fuzz for some minutes per target, go on where the last run stopped, or play a case again."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from random import Random
from time import process_time
from typing import Any

from otel_refusals import failure
from tests.fuzz.targets import TARGETS

_MOST_FINDINGS = 20


def play(target: str, seed: int, case: int) -> None:
    """One case; it raises what it finds."""
    TARGETS[target](Random(f"{seed}/{target}/{case}"))


def fuzz(target: str, seed: int, seconds: float, progress: dict[str, Any]) -> None:
    """Play cases until `target` has had `seconds` of CPU time in all; what was done and found goes to `progress`.

    CPU time, because it is the same on a busy machine.
    """
    done = progress.setdefault(target, {"seconds": 0.0, "cases": 0, "findings": {}})
    start = process_time() - done["seconds"]
    while done["seconds"] < seconds and len(done["findings"]) < _MOST_FINDINGS:
        case = done["cases"]
        try:
            play(target, seed, case)
        except Exception as error:
            where = _where(error)
            if where not in done["findings"]:
                done["findings"][where] = case
                print(f"{target}: case {case}: {where}", flush=True)
        done["cases"] += 1
        done["seconds"] = process_time() - start


def _where(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno} {str(error)[:160]!r}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="of CPU per target, earlier runs included")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--state", type=Path, default=Path(".fuzz.json"), help="what was done; a run goes on from it")
    parser.add_argument("--case", type=int, help="play this case alone, and show what it raises")
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; all by default")
    options = parser.parse_args(arguments)
    unknown = set(options.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    failure.raise_failures = True
    targets = options.targets or list(TARGETS)
    if options.case is not None:
        for target in targets:
            play(target, options.seed, options.case)
        return 0
    seeds = json.loads(options.state.read_text()) if options.state.exists() else {}
    progress = seeds.setdefault(str(options.seed), {})
    for goal in _goals(options.minutes):  # all of them a little, then all of them more
        for target in targets:
            fuzz(target, options.seed, goal * 60, progress)
            options.state.write_text(json.dumps(seeds, indent=1))
    for target in targets:
        done = progress[target]
        minutes, findings = done["seconds"] / 60, len(done["findings"])
        print(f"{target:45} {minutes:6.1f} min {done['cases']:10} cases {findings:3} findings")
    return 1 if any(progress[target]["findings"] for target in targets) else 0


def _goals(minutes: float) -> list[float]:
    return [*(part for part in (0.1, 0.5, 1, 2, 5) if part < minutes), minutes]


if __name__ == "__main__":
    logging.disable()  # of stop reasons that nobody knows there are thousands
    sys.exit(main())
