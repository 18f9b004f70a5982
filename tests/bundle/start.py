"""Each server of the bundle with the flags that a test wants: loopback, a free port, its data in the test's directory.

Every function takes the configuration as a file and the directory that the server may fill, and is used in a `with`.
Ports that a configuration names are chosen by the test (`free_port`) and handed over as `port`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from tests.bundle.servers import Server, free_port, path_of, running


def prometheus(
    config: Path, home: Path, *, program: str = "prometheus", port: int | None = None, flags: Sequence[str] = ()
) -> AbstractContextManager[Server]:
    """Prometheus, with its OTLP receiver (`<url>/api/v1/otlp`) where `program` has one; a TSDB in `home` is read."""
    url = _url(port)
    newer = ("--web.enable-otlp-receiver",) if program == "prometheus" else ()
    command: list[str | Path] = [
        path_of(program),
        f"--config.file={config}",
        f"--storage.tsdb.path={home / 'tsdb'}",
        f"--web.listen-address={_address(url)}",
        "--enable-feature=exemplar-storage",
        *newer,
        *flags,
    ]
    return running(command, f"{url}/-/ready", home, url=url)


def alertmanager(config: Path, home: Path, *, port: int | None = None) -> AbstractContextManager[Server]:
    """Alertmanager, alone: it looks for no peers."""
    url = _url(port)
    command: list[str | Path] = [
        path_of("alertmanager"),
        f"--config.file={config}",
        f"--storage.path={home / 'alertmanager'}",
        f"--web.listen-address={_address(url)}",
        "--cluster.listen-address=",
    ]
    return running(command, f"{url}/-/ready", home, url=url)


def victoria_metrics(
    home: Path, *, scrape: Path | None = None, port: int | None = None, flags: Sequence[str] = ()
) -> AbstractContextManager[Server]:
    """VictoriaMetrics; OTLP under `<url>/opentelemetry`, with the names that Prometheus gives.

    Args:
        home: Where its data goes.
        scrape: A file in the form of Prometheus' configuration that says what to scrape.
        port: Where it listens.
        flags: More flags.
    """
    url = _url(port)
    command: list[str | Path] = [
        path_of("victoria-metrics"),
        f"-storageDataPath={home / 'victoria-metrics'}",
        f"-httpListenAddr={_address(url)}",
        "-opentelemetry.usePrometheusNaming",
        "-search.latencyOffset=0s",
        "-memory.allowedBytes=256MB",
        *((f"-promscrape.config={scrape}",) if scrape else ()),
        *flags,
    ]
    return running(command, f"{url}/health", home, url=url)


def vmalert(
    rules: Sequence[Path], home: Path, *, store: str, notifier: str, flags: Sequence[str] = ()
) -> AbstractContextManager[Server]:
    """The rules over a VictoriaMetrics.

    Args:
        rules: Rule files.
        home: Where its log goes.
        store: URL of the VictoriaMetrics, where rules read, and record to.
        notifier: URL of the Alertmanager.
        flags: More flags.
    """
    url = _url(None)
    command: list[str | Path] = [
        path_of("vmalert"),
        *(f"-rule={file}" for file in rules),
        *(f"-{role}.url={store}" for role in ("datasource", "remoteRead", "remoteWrite")),
        f"-notifier.url={notifier}",
        f"-httpListenAddr={_address(url)}",
        "-rule.evalDelay=0s",
        *flags,
    ]
    return running(command, f"{url}/health", home, url=url)


def collector(config: Path, home: Path, environment: Mapping[str, str] | None = None) -> AbstractContextManager[Server]:
    """The Collector on the stack's configuration, whose addresses are variables; `Server.url` takes OTLP over HTTP.

    Args:
        config: `otel_refusals/bundle/stack/collector.yaml`, or one with its variables.
        home: Where its log goes.
        environment: The variables for where it sends to, and any that shall not be a free port.
    """
    url, health = _url(None), _url(None)
    addresses = {
        "OTLP_HTTP_ENDPOINT": _address(url),
        "OTLP_GRPC_ENDPOINT": _address(_url(None)),
        "HEALTH_ENDPOINT": _address(health),
        "TELEMETRY_HOST": "127.0.0.1",
        "TELEMETRY_PORT": str(free_port()),
    }
    command = (path_of("otelcol"), f"--config={config}")
    return running(command, health, home, url=url, environment={**addresses, **(environment or {})})


def jaeger(config: Path, home: Path, *, otlp_port: int) -> AbstractContextManager[Server]:
    """Jaeger on the stack's configuration; `Server.url` answers queries.

    Args:
        config: `otel_refusals/bundle/stack/jaeger.yaml`, or one with its variables.
        home: Where its log goes.
        otlp_port: Where it takes OTLP over HTTP.
    """
    url, health = _url(None), _url(None)
    addresses = {
        "JAEGER_QUERY_HTTP": _address(url),
        "JAEGER_QUERY_GRPC": _address(_url(None)),
        "JAEGER_HEALTH": _address(health),
        "JAEGER_OTLP_HTTP": f"127.0.0.1:{otlp_port}",
    }
    command = (path_of("jaeger"), f"--config={config}")
    return running(command, f"{health}/status", home, url=url, environment=addresses)


def _url(port: int | None) -> str:
    return f"http://127.0.0.1:{port or free_port()}"


def _address(url: str) -> str:
    return url.removeprefix("http://")
