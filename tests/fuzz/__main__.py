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
from time import monotonic, process_time
from typing import Any

from otel_refusals import failure
from tests.fuzz.targets import TARGETS

_SAVED_EVERY = 5.0
_MOST_FINDINGS = 20


def play(target: str, seed: int, case: int) -> None:
    """One case; it raises what it finds."""
    TARGETS[target](Random(f"{seed}/{target}/{case}"))


def fuzz(target: str, seed: int, seconds: float, progress: dict[str, Any]) -> None:
    """Play cases until `target` has been fuzzed for `seconds` in all; what was done and found goes to `progress`."""
    done = progress.setdefault(target, {"seconds": 0.0, "of CPU": 0.0, "cases": 0, "findings": {}})
    left = seconds - done["seconds"]
    started = last = monotonic()
    before, before_cpu, cpu = done["seconds"], done["of CPU"], process_time()
    while last - started < left and len(done["findings"]) < _MOST_FINDINGS:
        case = done["cases"]
        try:
            play(target, seed, case)
        except Exception as error:
            where = _where(error)
            if where not in done["findings"]:
                done["findings"][where] = case
                print(f"{target}: case {case}: {where}", flush=True)
        done["cases"] += 1
        last = monotonic()
        done["seconds"], done["of CPU"] = before + last - started, before_cpu + process_time() - cpu


def _where(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno} {str(error)[:160]!r}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="per target, those of earlier runs included")
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
        minutes = f"{done['seconds'] / 60:6.1f} min ({done['of CPU'] / 60:.1f} of CPU)"
        print(f"{target:45} {minutes} {done['cases']:10} cases {len(done['findings']):3} findings")
    return 1 if any(progress[target]["findings"] for target in targets) else 0


def _goals(minutes: float) -> list[float]:
    return [*(part for part in (0.1, 0.5, 1, 2, 5) if part < minutes), minutes]


if __name__ == "__main__":
    logging.disable()  # of stop reasons that nobody knows there are thousands
    sys.exit(main())
