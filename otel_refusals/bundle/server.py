"""JSON over HTTP to a server that an operator named, and every way in which that fails as one clear error.

The standard library's client: a handful of small requests are no reason for a dependency. It takes proxies from
`HTTPS_PROXY` and `NO_PROXY`, and certificate authorities from `SSL_CERT_FILE`.
"""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Iterable, Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

TIMEOUT = 15.0
"""Seconds that a server may take before it says something."""

Parameters = Iterable[tuple[str, str]]


class ServerError(Exception):
    """A server that gave no usable answer. The message names its address, what happened and what to do."""


class RefusedError(ServerError):
    """An answer with a status that means no."""

    def __init__(self, url: str, status: int, body: object) -> None:
        self.status = status
        self.body = body if isinstance(body, dict) else {}
        self.said = _said(body)
        super().__init__(f"{url} answered {status}" + (f": {self.said}" if self.said else ""))


class Server:
    """One server, at a base address, with the headers that every request carries."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        """Check the address.

        Raises:
            ValueError: for an address that is none; it says what is wrong with it.
        """
        self.url = _checked(url)
        self._headers = {"Accept": "application/json", **(headers or {})}
        self._opener = build_opener(_NoRedirects)

    def get(self, path: str, parameters: Parameters = ()) -> Any:
        """The JSON that the server gives for `path`.

        Raises:
            ServerError: where there is none; a `RefusedError` if the server says no.
        """
        query = urlencode(list(parameters))
        return self._ask(self._request(f"{path}{'?' if query else ''}{query}"))

    def post(self, path: str, document: object) -> Any:
        """What the server answers to `document`, sent as JSON. Raises what `get` raises."""
        body = json.dumps(document).encode()
        return self._ask(self._request(path, body, "application/json"))

    def ask(self, path: str, parameters: Parameters) -> Any:
        """The same as `get`, but with the parameters in a form: a query of PromQL can be longer than an address."""
        return self._ask(self._request(path, urlencode(list(parameters)).encode()))

    def tell(self, path: str) -> None:
        """Post nothing to `path`, and expect no JSON. Raises what `get` raises."""
        self._read(self._request(path, b""))

    def _request(self, path: str, body: bytes | None = None, kind: str | None = None) -> Request:
        headers = {**self._headers, **({"Content-Type": kind} if kind else {})}
        return Request(self.url + path, body, headers)  # noqa: S310 - the scheme was checked

    def _ask(self, request: Request) -> Any:
        body = self._read(request)
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            start = body[:60].decode("utf-8", "replace").strip()
            raise ServerError(
                f"{request.full_url} answered no JSON but {start!r}; is this the server's own address, "
                "with its path prefix, and not that of a login page in front of it?"
            ) from None

    def _read(self, request: Request) -> bytes:
        where = request.full_url.partition("?")[0]
        try:
            with self._opener.open(request, timeout=TIMEOUT) as response:
                return bytes(response.read())
        except HTTPError as error:
            with error:
                raise _refusal(where, error) from None
        except (URLError, HTTPException, OSError) as error:
            raise ServerError(f"{where}: {self._why(error)}") from None

    @staticmethod
    def _why(error: BaseException) -> str:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            return f"no answer within {TIMEOUT:g} seconds"
        if isinstance(reason, ConnectionRefusedError):
            return "nothing listens there (connection refused); is the server running, and is this its port?"
        if isinstance(reason, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({reason.verify_message}); name your authority in SSL_CERT_FILE"
        if isinstance(reason, ssl.SSLError):
            return f"no TLS there ({reason.reason}); is it http instead of https?"
        return f"no answer ({reason or type(reason).__name__})"


class _NoRedirects(HTTPRedirectHandler):
    """A redirect would turn a POST into a GET and carry the token to another server: it is an answer like a refusal."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none."""


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def basic(user: str, password: str) -> dict[str, str]:
    """The header that carries a user and a password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def _refusal(where: str, error: HTTPError) -> ServerError:
    target = error.headers.get("Location")
    if error.code in (301, 302, 303, 307, 308) and target:
        return ServerError(f"{where} redirects to {target}; give the address behind the redirect")
    try:
        body = error.read()
    except (HTTPException, OSError):
        body = b""
    try:
        return RefusedError(where, error.code, json.loads(body))
    except (ValueError, RecursionError):
        return RefusedError(where, error.code, body[:200].decode("utf-8", "replace").strip())


def _said(body: object) -> str:
    """The server's own words: Grafana calls them `message`, Prometheus `error`."""
    if isinstance(body, dict):
        return str(body.get("message") or body.get("error") or "")
    return body if isinstance(body, str) and not body.startswith("<") else ""


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no address of a server; give one such as http://localhost:3000")
    if parts.username or parts.password:
        raise ValueError(f"credentials do not belong in the address of {parts.hostname}; give them by the environment")
    if parts.query or parts.fragment:
        raise ValueError(f"{url!r} has a query or a fragment; give the address up to its path")
    return url.rstrip("/")
