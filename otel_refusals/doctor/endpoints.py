"""Where OTLP is sent, and whether what is there speaks it.

One connection per endpoint, with an empty greeting: over HTTP an export of nothing, over gRPC the preface of HTTP/2.
Neither carries a header of the application's, so nothing secret is sent and an answer that wants credentials is one.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from threading import Thread
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from otel_refusals.doctor.finding import Finding, Status
from otel_refusals.doctor.pipeline import SIGNALS, exporter_of, exporters

_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
_FRAME_HEADER = 9
_SETTINGS = 4


_SOMEBODY = "start the Collector there, or set OTEL_EXPORTER_OTLP_ENDPOINT to where it is"
_REFUSES = "somebody is there and turns data away: look at the Collector's log, its memory and its limits"


class _Answer(NamedTuple):
    status: Status
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place that one exporter sends to.

    Args:
        grpc: Whether it is sent to by gRPC; by HTTP otherwise.
        tls: Whether the connection is encrypted.
        path: Of HTTP.
        proxy: Host and port of the proxy between, without its credentials; empty for none.
        certificates: Variable value by purpose: `CERTIFICATE`, `CLIENT_CERTIFICATE`, `CLIENT_KEY`.
    """

    grpc: bool
    tls: bool
    host: str
    port: int
    path: str
    proxy: str
    certificates: tuple[tuple[str, str], ...] = ()

    @property
    def url(self) -> str:
        """It, for people; without credentials."""
        scheme = ("grpc" if self.grpc else "http") + ("s" if self.tls else "")
        return f"{scheme}://{self.host}:{self.port}{self.path}"


def endpoints(environ: Mapping[str, str], seconds: float) -> Iterator[Finding]:
    """Whether each endpoint answers, asked side by side, each within `seconds`."""
    signals: dict[Endpoint, list[str]] = {}
    for endpoint, signal in _configured(environ):
        if isinstance(endpoint, Finding):
            yield endpoint
        else:
            signals.setdefault(endpoint, []).append(signal)
    answers = {endpoint: _Answer("problem", f"no answer within {seconds:g} s", _SOMEBODY) for endpoint in signals}
    # Daemons: a name server or a peer that takes its time is left behind.
    threads = [
        Thread(target=lambda one=endpoint: answers.update({one: _ask(one, seconds)}), daemon=True)
        for endpoint in signals
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))
    for endpoint, answer in list(answers.items()):
        if "metrics" not in signals[endpoint] and answer.status == "problem":
            answer = answer._replace(status="warning")  # noqa: PLW2901 - the counts of refusals do not go there
        yield Finding("endpoints", f"{', '.join(signals[endpoint])} to {endpoint.url}", *answer)
    if "prometheus" in exporters("metrics", environ):
        yield _served(environ, seconds)


def _configured(environ: Mapping[str, str]) -> Iterator[tuple[Endpoint | Finding, str]]:
    for signal in SIGNALS:
        for name in exporters(signal, environ):
            exporter = exporter_of(signal, name, environ)
            if exporter in ("otlp_proto_grpc", "otlp_proto_http"):
                try:
                    yield _endpoint(signal, exporter == "otlp_proto_grpc", environ), signal
                except ValueError:  # whose text may hold what stands where credentials do
                    found = "its endpoint is no URL with http:// or https://, a host and a port"
                    remedy = "set OTEL_EXPORTER_OTLP_ENDPOINT to one, such as http://localhost:4318"
                    yield Finding("endpoints", signal, "problem", found, remedy), signal


def _endpoint(signal: str, grpc: bool, environ: Mapping[str, str]) -> Endpoint:
    """As the exporters of the SDK find it."""

    def setting(name: str) -> str:
        of_signal = environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}")
        return (of_signal or environ.get(f"OTEL_EXPORTER_OTLP_{name}") or "").strip()

    if grpc:
        given = setting("ENDPOINT") or "http://localhost:4317"
        url = urlsplit(given if "://" in given else f"//{given}")
        insecure = setting("INSECURE").lower()
        tls = url.scheme == "https" or (insecure != "true" if insecure else url.scheme != "http")
        port, path = url.port or 443, ""
    else:
        given = environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT", "").strip()
        base = (environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or "http://localhost:4318").strip().rstrip("/")
        url = urlsplit(given or f"{base}/v1/{signal}")
        tls, path = url.scheme == "https", url.path
        port = url.port or (443 if tls else 80)
        if url.scheme not in ("http", "https"):
            raise ValueError("scheme")
    if not url.hostname:
        raise ValueError("host")
    kinds = ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY")
    certificates = tuple((kind, setting(kind)) for kind in kinds if setting(kind))
    return Endpoint(grpc, tls, url.hostname, port, path, _proxy(grpc, url, tls), certificates)


def _proxy(grpc: bool, url: SplitResult, tls: bool) -> str:
    proxies = getproxies_environment()
    if proxy_bypass(url.hostname or ""):
        return ""
    names = ("grpc", "https", "http") if grpc else ("https" if tls else "http", "all")
    chosen = next((proxies[name] for name in names if proxies.get(name)), "")
    return urlsplit(chosen if "://" in chosen else f"//{chosen}").netloc.rpartition("@")[2] if chosen else ""


def _ask(endpoint: Endpoint, seconds: float) -> _Answer:
    try:
        return _greeted(endpoint, seconds)
    except ssl.SSLCertVerificationError as error:
        remedy = "set OTEL_EXPORTER_OTLP_CERTIFICATE to the file of the authority that signed it"
        return _Answer("problem", f"its certificate is not trusted: {error.verify_message}", remedy)
    except ssl.SSLError as error:
        remedy = "use http:// (or OTEL_EXPORTER_OTLP_INSECURE=true for gRPC) if the endpoint does not speak TLS"
        return _Answer("problem", f"TLS fails: {error.reason or error}", remedy)
    except TimeoutError:
        return _Answer("problem", f"no answer within {seconds:g} s", _SOMEBODY)
    except (OSError, ValueError) as error:
        return _Answer("problem", f"cannot be reached: {getattr(error, 'strerror', None) or error}", _SOMEBODY)


def _greeted(endpoint: Endpoint, seconds: float) -> _Answer:
    if endpoint.proxy:
        host, _, port = endpoint.proxy.rpartition(":")
        with socket.create_connection((host or endpoint.proxy, int(port) if host else 80), seconds):
            remedy = "add the host to NO_PROXY if the proxy is not meant for it"
            return _Answer("warning", f"goes through the proxy {endpoint.proxy}, which can be reached", remedy)
    with closing(socket.create_connection((endpoint.host, endpoint.port), seconds)) as plain:
        stream = _encrypted(plain, endpoint) if endpoint.tls else plain
        with closing(stream):
            stream.settimeout(seconds)
            stream.sendall(_HTTP2_PREFACE if endpoint.grpc else _http_greeting(endpoint))
            start = b""
            while len(start) < _FRAME_HEADER + 4:
                piece = stream.recv(256)
                if not piece:
                    break
                start += piece
    return _recognised(start, endpoint)


def _encrypted(plain: socket.socket, endpoint: Endpoint) -> ssl.SSLSocket:
    files = dict(endpoint.certificates)
    context = ssl.create_default_context(cafile=files.get("CERTIFICATE"))
    if "CLIENT_CERTIFICATE" in files:
        context.load_cert_chain(files["CLIENT_CERTIFICATE"], files.get("CLIENT_KEY"))
    context.set_alpn_protocols(["h2"] if endpoint.grpc else ["http/1.1"])
    return context.wrap_socket(plain, server_hostname=endpoint.host)


def _http_greeting(endpoint: Endpoint) -> bytes:
    return (
        f"POST {endpoint.path or '/'} HTTP/1.1\r\nHost: {endpoint.host}:{endpoint.port}\r\n"
        "Content-Type: application/x-protobuf\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    ).encode()


def _recognised(start: bytes, endpoint: Endpoint) -> _Answer:
    http = start.startswith(b"HTTP/1.")
    http2 = len(start) >= _FRAME_HEADER and start[3] == _SETTINGS and not http
    if endpoint.grpc and http2:
        return _Answer("ok", "speaks HTTP/2, as gRPC does")
    if not endpoint.grpc and http:
        status = start[9:12].decode(errors="replace")
        if status == "404":
            remedy = (
                "set OTEL_EXPORTER_OTLP_ENDPOINT to the URL without /v1/...; a signal's own variable takes it whole"
            )
            return _Answer("problem", f"answers, but knows no {endpoint.path or '/'} (404)", remedy)
        found = f"answers (HTTP {status} to an empty export)"
        turned_away = status.startswith("5") or status == "429"
        return _Answer("warning", found, _REFUSES) if turned_away else _Answer("ok", found)
    if http2:
        return _Answer(
            "problem", "speaks gRPC, and HTTP is sent", "set OTEL_EXPORTER_OTLP_PROTOCOL=grpc, or use port 4318"
        )
    if http or start.startswith(b"<"):  # to a version that it does not know, a server may answer with a page only
        remedy = "set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, or use port 4317"
        return _Answer("problem", "speaks HTTP/1, and gRPC is sent", remedy)
    if not start:
        return _Answer(
            "problem", "takes the connection and ends it without an answer", "is that a Collector, and without TLS?"
        )
    return _Answer("problem", "does not speak OTLP", "is that a Collector? With TLS it needs https://")


def _served(environ: Mapping[str, str], seconds: float) -> Finding:
    host = environ.get("OTEL_EXPORTER_PROMETHEUS_HOST", "localhost")
    port = environ.get("OTEL_EXPORTER_PROMETHEUS_PORT", "9464")
    subject = f"metrics on {host}:{port}"
    try:
        socket.create_connection((host, int(port)), seconds).close()
    except ValueError:
        found, remedy = f"OTEL_EXPORTER_PROMETHEUS_PORT={port} is no port", "mend OTEL_EXPORTER_PROMETHEUS_PORT"
        return Finding("endpoints", subject, "problem", found, remedy)
    except OSError:
        return Finding("endpoints", subject, "ok", "is free: the application serves its metrics there while it runs")
    found = "something listens there: the application if it runs, and else a second one cannot start its metrics"
    remedy = "give each process that is scraped a port of its own"
    return Finding("endpoints", subject, "warning", found, remedy)
