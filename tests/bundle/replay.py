"""The history in a TSDB, with what our rules would have recorded and which alerts would have fired as it went by.

Rules are evaluated by a real Prometheus over the history, in rounds: what a round recorded, the next one reads. The
state of an alert (`for`, `keep_firing_for`) is followed here, because no tool replays alerts.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bundle.history import DAYS, END, FINE, HOUR, MINUTE, History
from tests.bundle.servers import Server, path_of
from tests.bundle.start import prometheus

Json = dict[str, Any]
Series = tuple[str, tuple[tuple[str, str], ...]]
Samples = dict[Series, dict[int, float]]

RULES = Path(__file__).parents[2] / "alert_rules"
FILES = ("refusals.rules.yml", "pipeline.rules.yml")

_SECONDS = {"s": 1, "m": MINUTE, "h": HOUR, "d": 24 * HOUR}
# Baselines look at whole hours of seven days; pages show the last hours in detail.
_GRIDS = ((END - DAYS * 24 * HOUR, END - FINE, 5 * MINUTE), (END - FINE, END, MINUTE))


def of_the_run(factory: pytest.TempPathFactory) -> Path:
    """A directory that all workers of one test run share, for the history that one of them makes."""
    own = factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "history"


@contextmanager
def history_served(cache: Path, home: Path) -> Iterator[Server]:
    """A Prometheus with the whole history in it; its present is `END`.

    Args:
        cache: Where the history is kept once it has been made, for other processes of the test run too.
        home: Where this Prometheus keeps its data.
    """
    tsdb = cache / "tsdb"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not tsdb.exists():
            making = cache / "making"
            shutil.rmtree(making, ignore_errors=True)
            _make(making)
            (making / "tsdb").rename(tsdb)
    shutil.copytree(tsdb, home / "tsdb", copy_function=os.link)
    with _serving(home) as server:
        yield server


def ask(server: Server, path: str, **arguments: object) -> Any:
    """What the HTTP API answers.

    Raises:
        AssertionError: with the query and what is wrong with it.
    """
    data = urllib.parse.urlencode(arguments).encode()
    try:
        with urllib.request.urlopen(f"{server.url}/api/v1/{path}", data, timeout=60) as response:
            return json.load(response)["data"]
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{error.read().decode()}\nin {arguments}") from None


def _make(home: Path) -> None:
    """The history in `home/tsdb`: what was sent, what was recorded from it, what fired."""
    home.mkdir(parents=True)
    _into_blocks(home, History().openmetrics())
    for round_ in _rounds(_rules()):
        samples: Samples = {}
        with _serving(home) as server:
            for rule in round_:
                samples.update(_fired(server, rule) if "alert" in rule else _recorded(server, rule))
        _into_blocks(home, _as_openmetrics(samples))
    shutil.rmtree(home / "tsdb" / "wal", ignore_errors=True)


def _serving(home: Path) -> Any:
    config = home / "prometheus.yml"
    config.write_text("{}", encoding="utf-8")
    flags = ("--web.cors.origin=.*", "--storage.tsdb.retention.time=100y", "--log.level=warn")
    return prometheus(config, home, flags=flags)


def _rules() -> Iterator[Json]:
    for name in FILES:
        groups = yaml.safe_load((RULES / name).read_text(encoding="utf-8"))["groups"]
        yield from (rule for group in groups for rule in group["rules"])


def _rounds(rules: Iterable[Json]) -> list[list[Json]]:
    """The rules by when they can be evaluated: each after what it reads. A selector of names reads all before it."""
    rounds: dict[int, list[Json]] = defaultdict(list)
    place: dict[str, int] = {}
    rules = list(rules)
    recorded = {rule["record"] for rule in rules if "record" in rule}

    def read_by(rule: Json) -> set[str]:
        found = set(re.findall(r"[\w:]+", rule["expr"])) & recorded
        return found | (set(place) if ":" in "".join(re.findall(r'__name__=~"([^"]*)"', rule["expr"])) else set())

    waiting = rules
    while waiting:
        ready = [rule for rule in waiting if read_by(rule) <= set(place)]
        assert ready, f"rules that read each other: {waiting}"
        for rule in ready:
            after = max((place[name] + 1 for name in read_by(rule)), default=0)
            rounds[after].append(rule)
            if "record" in rule:
                place[rule["record"]] = after
        waiting = [rule for rule in waiting if rule not in ready]
    return [rounds[index] for index in sorted(rounds)]


def _recorded(server: Server, rule: Json) -> Samples:
    samples: Samples = defaultdict(dict)
    for start, end, step in _GRIDS:
        for labels, points in _range(server, rule["expr"], start, end, step):
            key = (rule["record"], tuple(sorted({**labels, **rule.get("labels", {})}.items())))
            samples[key].update(points)
    return samples


def _fired(server: Server, rule: Json) -> Samples:
    """`ALERTS` of one alert, as Prometheus would have written it."""
    samples: Samples = {}
    wait, keep = _seconds(rule.get("for", "0s")), _seconds(rule.get("keep_firing_for", "0s"))
    for labels, points in _range(server, rule["expr"], END - FINE, END, MINUTE):
        all_labels = {**labels, **rule["labels"], "alertname": rule["alert"], "alertstate": "firing"}
        since, last, firing = None, None, {}
        for now in range(END - FINE, END + 1, MINUTE):
            if now in points:
                since, last = since or now, now
            elif last is None or last not in firing or now - last > keep:
                since = last = None
            if since is not None and now - since >= wait:
                firing[now] = 1.0
        samples["ALERTS", tuple(sorted(all_labels.items()))] = firing
    return samples


def _range(
    server: Server, expr: str, start: int, end: int, step: int
) -> Iterator[tuple[dict[str, str], dict[int, float]]]:
    for series in ask(server, "query_range", query=expr, start=start, end=end, step=step)["result"]:
        labels = {key: value for key, value in series["metric"].items() if key != "__name__"}
        yield labels, {int(now): float(value) for now, value in series["values"]}


def _seconds(duration: str) -> int:
    return sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)([smhd])", duration))


def _as_openmetrics(samples: Samples) -> Iterator[str]:
    families: dict[str, list[Series]] = defaultdict(list)
    for series in samples:
        families[series[0]].append(series)
    for name, members in families.items():
        yield f"# TYPE {name} gauge\n"
        for series in members:
            text = ",".join(f"{key}={json.dumps(value)}" for key, value in series[1])
            yield from (f"{name}{{{text}}} {value!r} {now}\n" for now, value in samples[series].items())
    yield "# EOF\n"


def _into_blocks(home: Path, lines: Iterable[str]) -> None:
    text = home / "samples.om"
    with text.open("w", encoding="utf-8") as file:
        file.writelines(lines)
    # One pass over the text instead of one for every two hours of it.
    longest = f"--max-block-duration={DAYS * 24 * 3}h"
    command: Sequence[str | Path] = [
        path_of("promtool"),
        "tsdb",
        "create-blocks-from",
        longest,
        "openmetrics",
        text,
        home / "tsdb",
    ]
    said = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120)
    assert said.returncode == 0, said.stderr
    text.unlink()
