"""Runs the three jobs side by side and prints what each believes it has done."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from opentelemetry import baggage, context

from .code_assistant import work_off
from .security_review import review
from .support_bot import answer_all

JOBS: dict[str, Callable[[], str]] = {
    "security-review": review,
    "support-bot": answer_all,
    "code-assistant": work_off,
}


def run(name: str) -> None:
    """Do one job under its name, as the company's platform does for every job."""
    context.attach(baggage.set_baggage("refusal.workload", name))
    report = JOBS[name]()
    sys.stdout.write(f"{name}: {report}\n")
    sys.stdout.flush()


def main() -> None:
    """Do every job."""
    with ThreadPoolExecutor(len(JOBS)) as jobs:
        list(jobs.map(run, JOBS))


if __name__ == "__main__":
    main()
