"""Runs the jobs side by side and prints what each believes it has done.

With a number of seconds as its argument it starts over, that long after each end, until it is stopped.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from opentelemetry import baggage, context

from .claims_intake import take_in
from .code_assistant import work_off
from .security_review import review
from .support_bot import answer_all

JOBS: dict[str, Callable[[], str]] = {
    "security-review": review,
    "support-bot": answer_all,
    "code-assistant": work_off,
    "claims-intake": take_in,
}


def run(name: str) -> None:
    """Do one job under its name, as the company's platform does for every job."""
    context.attach(baggage.set_baggage("refusal.workload", name))
    report = JOBS[name]()
    sys.stdout.write(f"{name}: {report}\n")
    sys.stdout.flush()


def do_all() -> None:
    """Do every job."""
    with ThreadPoolExecutor(len(JOBS)) as jobs:
        list(jobs.map(run, JOBS))


def main() -> None:
    """Do every job, once or over and over."""
    do_all()
    while pause := sys.argv[1:]:
        time.sleep(float(pause[0]))
        do_all()


if __name__ == "__main__":
    main()
