"""What the rules cost: seconds per evaluation and series recorded, by how many workloads there are.

    python -m benchmarks.rule_cost 100 1000

fills a Prometheus with two hours of telemetry and eight days of what the rules recorded, lets it evaluate the rules and
asks it how long that took. It needs the programs of `.ci/servers`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from otel_refusals.bundle.files import bundle_files
from otel_refusals.bundle.prometheus import Prometheus
from otel_refusals.bundle.server import Server
from tests.bundle.servers import free_port, path_of, running, until

HOUR, DAY = 3600, 86_400
PATIENCE = 150.0
"""Seconds until every group was evaluated, each at its own moment of a minute, and twice."""

OUTCOMES = ("completed", "refused", "rescued", "unknown")
TOKENS = ("refusal_client_discarded_input_tokens", "refusal_client_discarded_output_tokens")
HISTORY = "workload_outcome:refusal_operations:count1h"
KINDS = "provider_workload_outcome_category_stage:refusal_refusals:count1h"


def main(sizes: list[int]) -> None:
    """Print a line per size."""
    print(f"{'workloads':>9}  {'series':>8}  {'recorded':>8}  {'seconds per evaluation':>22}")
    for size in sizes:
        with tempfile.TemporaryDirectory() as home:
            series, recorded, seconds = measure(size, Path(home))
        print(f"{size:>9,}  {series:>8,}  {recorded:>8,}  {seconds:>22.2f}")


def measure(workloads: int, home: Path) -> tuple[int, int, float]:
    """The series read, the series recorded, and the seconds that all groups take together."""
    now = int(time.time())
    (home / "metrics.txt").write_text("".join(openmetrics(workloads, now)))
    whole = "--max-block-duration=720h"  # one pass over the text instead of one for every two hours of it
    backfill = [path_of("promtool"), "tsdb", "create-blocks-from", whole, "openmetrics"]
    subprocess.run([*backfill, home / "metrics.txt", home / "data"], check=True, capture_output=True)
    rules = "".join(f"  - {path}\n" for path in bundle_files().rules)
    (home / "prometheus.yml").write_text(f"rule_files:\n{rules}")
    url = f"http://127.0.0.1:{free_port()}"
    server = [
        path_of("prometheus"),
        f"--config.file={home}/prometheus.yml",
        f"--storage.tsdb.path={home}/data",
        "--storage.tsdb.retention.time=30d",
        f"--web.listen-address={url.removeprefix('http://')}",
    ]
    asked = Prometheus(Server(url))
    with running(server, f"{url}/-/ready", home, url=url):
        series = int(asked.query('count(last_over_time({__name__=~"refusal_client_.*"}[1h]))')[0]["value"][1])
        before = time.time()
        until(lambda: evaluated_twice(asked, before), "every group to be evaluated twice", PATIENCE)
        recorded = int(asked.query('count({__name__=~".+:refusal_.+"})')[0]["value"][1])
        return series, recorded, sum(float(group["evaluationTime"]) for group in asked.groups())


def evaluated_twice(asked: Prometheus, since: float) -> bool:
    """The first evaluation of an alert reads what the second one has recorded."""
    from datetime import datetime

    return all(
        datetime.fromisoformat(group["lastEvaluation"][:19] + "+00:00").timestamp() > since + 61
        for group in asked.groups()
    )


def openmetrics(workloads: int, now: int) -> Iterator[str]:
    """Every workload on one model: two hours at a sample a minute, and eight days of hourly counts."""
    call = 'gen_ai_provider_name="anthropic",gen_ai_operation_name="chat"'
    labels = [f'{call},gen_ai_request_model="m{n % 5}",refusal_workload="w{n}"' for n in range(workloads)]
    kind = 'refusal_category="cyber",refusal_stage="pre_output"'
    minutes = range(now - 2 * HOUR, now, 60)
    hours = range((now - 8 * DAY) // HOUR * HOUR, now, HOUR)
    yield "# TYPE refusal_client_operations counter\n"
    for each in labels:
        for outcome in OUTCOMES:
            yield from samples(f'refusal_client_operations_total{{{each},refusal_outcome="{outcome}"}}', minutes)
    yield "# TYPE refusal_client_refusals counter\n"
    for each in labels:
        name = f'refusal_client_refusals_total{{{each},{kind},refusal_outcome="refused",refusal_source="classifier"}}'
        yield from samples(name, minutes)
    for metric in TOKENS:
        yield f"# TYPE {metric} counter\n"
        for each in labels:
            yield from samples(f"{metric}_total{{{each},{kind}}}", minutes)
    yield f"# TYPE {HISTORY} gauge\n"
    for n in range(workloads):
        for outcome in OUTCOMES:
            yield from samples(f'{HISTORY}{{refusal_workload="w{n}",refusal_outcome="{outcome}"}}', hours)
    yield f"# TYPE {KINDS} gauge\n"
    for n in range(workloads):
        name = f'{KINDS}{{gen_ai_provider_name="anthropic",refusal_workload="w{n}",refusal_outcome="refused",{kind}}}'
        yield from samples(name, hours)
    yield "# EOF\n"


def samples(series: str, times: range) -> Iterator[str]:
    """A series that grows by one from sample to sample."""
    return (f"{series} {value} {at}\n" for value, at in enumerate(times))


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [100, 1000])
