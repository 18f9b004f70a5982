"""An application under the real `opentelemetry-instrument`, asking a loopback vendor what a test tells it to."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from otel_refusals.testing import Reply, Request
from tests.fixtures import fixture

APP = Path(__file__).parent.parent / "apps" / "on_command.py"

_ANSWERS = {
    "completed": fixture("anthropic/completed_end_turn.json"),
    "refused": fixture("anthropic/refusal_pre_output_cyber.json"),
    "unknown": fixture("anthropic/unknown_stop_reason.json"),
}


def answer(request: Request) -> Reply:
    """The vendor: what is asked for is how it ends."""
    return _ANSWERS[request.json["messages"][-1]["content"]].reply


@dataclass(frozen=True, slots=True)
class Application:
    """The application that runs."""

    process: subprocess.Popen[str]

    def ask(self, outcome: str, times: int = 1) -> None:
        """Have it make calls that end as `outcome`; returns when they have ended."""
        assert self.process.stdin
        self.process.stdin.write(f"{times} {outcome}\n")
        self.process.stdin.flush()
        self._expect("asked")

    def _expect(self, word: str) -> None:
        assert self.process.stdout
        said = self.process.stdout.readline().strip()
        assert said == word, f"the application said {said!r} instead of {word!r}"


@contextmanager
def application(vendor: str, workload: str, log: Path, environment: Mapping[str, str]) -> Iterator[Application]:
    """Run the application until the end of the `with`; then it ends by itself, and exports what is left.

    Args:
        vendor: Base URL of the vendor.
        workload: Its name on all telemetry.
        log: Takes its warnings and errors.
        environment: Settings of OpenTelemetry.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    with log.open("w") as errors:
        process = subprocess.Popen(
            [Path(sysconfig.get_path("scripts")) / "opentelemetry-instrument", sys.executable, APP],
            env={
                **inherited,
                "ANTHROPIC_BASE_URL": vendor,
                "ANTHROPIC_API_KEY": "key",
                "OTEL_SERVICE_NAME": "on-command",
                "OTEL_REFUSALS_WORKLOAD": workload,
                "OTEL_METRIC_EXPORT_INTERVAL": "1000",
                "OTEL_BSP_SCHEDULE_DELAY": "200",
                **environment,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    with process:
        try:
            running = Application(process)
            running._expect("ready")
            yield running
            assert process.stdin
            process.stdin.close()
            process.wait(20)
        finally:
            process.kill()
