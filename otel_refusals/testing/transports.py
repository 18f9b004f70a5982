"""Answers under the HTTP libraries that the vendors' SDKs use, so that all of an SDK above them is real.

    httpx, httpx2       `Client._transport_for_url`: the transport that it chose answers through ours
    botocore            `URLLib3Session.send`: a urllib3 response over the bytes
    requests            `HTTPAdapter.send`: the same, built by requests itself
    aiohttp             `ClientSession._request`: sent to a loopback server instead, because aiohttp's responses cannot
                        be made without a connection; aiobotocore comes this way too

The law of this module: it replaces attributes of classes while `answering(...)` lasts and puts the originals back.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from otel_refusals.testing.socket_transports import websockets
from otel_refusals.testing.stub import Reply, Request, StubServer

Answer = Callable[[Request], Reply | None]

_IN_PROCESS = frozenset({"ASGITransport", "WSGITransport", "_TestClientTransport"})
"""Transports to the application under test: what a test client sends is no call of an SDK."""


@contextmanager
def answering(answer: Answer) -> Iterator[None]:
    """Ask `answer` for the reply to every HTTP request of this process; None sends the request on its way."""
    with ExitStack() as stack:
        for name in ("httpx", "httpx2"):
            if _installed(name):
                _httpx(stack, import_module(name), answer)
        if _installed("botocore"):
            _botocore(stack, answer)
        if _installed("requests"):
            _requests(stack, answer)
        if _installed("aiohttp"):
            _aiohttp(stack, answer)
        if _installed("websockets.asyncio"):
            websockets(stack, answer, _request, _replace)
        yield


def _installed(name: str) -> bool:
    package = name.partition(".")[0]
    return find_spec(package) is not None and find_spec(name) is not None


def _replace(stack: ExitStack, owner: Any, name: str, replacement: Any) -> None:
    original = vars(owner)[name]
    setattr(owner, name, replacement)
    stack.callback(setattr, owner, name, original)


def _request(method: str, url: str, headers: Any, body: Any) -> Request:
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    lower = {_text(name).lower(): _text(value) for name, value in dict(headers or {}).items()}
    return Request(method.upper(), path, lower, _decoded(body))


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _decoded(body: Any) -> Any:
    try:
        return json.loads(body) if isinstance(body, (str, bytes, bytearray)) and body else None
    except ValueError:
        return None


def _pieces(reply: Reply) -> Iterator[bytes]:
    yield from [reply.body] if isinstance(reply.body, bytes) else reply.body


def _httpx(stack: ExitStack, http: Any, answer: Answer) -> None:
    for client, over in ((http.Client, _SyncTransport), (http.AsyncClient, _AsyncTransport)):
        original = vars(client)["_transport_for_url"]

        def transport_for_url(self: Any, url: Any, original: Any = original, over: Any = over) -> Any:
            chosen = original(self, url)
            return chosen if type(chosen).__name__ in _IN_PROCESS else over(chosen, http, answer)

        _replace(stack, client, "_transport_for_url", transport_for_url)


class _Transport:
    """What httpx asks for a response: ours where there is one, else the chosen transport's."""

    def __init__(self, chosen: Any, http: Any, answer: Answer) -> None:
        self._chosen = chosen
        self._http = http
        self._answer = answer

    def _respond(self, request: Any) -> Any:
        asked = _request(request.method, str(request.url), request.headers, request.content)
        reply = self._answer(asked)
        if reply is None:
            return None
        headers = {"content-type": reply.content_type, **reply.headers}
        return self._http.Response(reply.status, headers=headers, stream=_body_class(self._http)(reply))


class _SyncTransport(_Transport):
    def handle_request(self, request: Any) -> Any:
        request.read()
        response = self._respond(request)
        return self._chosen.handle_request(request) if response is None else response


class _AsyncTransport(_Transport):
    async def handle_async_request(self, request: Any) -> Any:
        await request.aread()
        response = self._respond(request)
        return await self._chosen.handle_async_request(request) if response is None else response


@cache
def _body_class(http: Any) -> Any:
    """The body of a reply, as the streams of this httpx are."""

    class Body(http.SyncByteStream, http.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, reply: Reply) -> None:
            self._reply = reply

        def __iter__(self) -> Iterator[bytes]:
            yield from _pieces(self._reply)
            if self._reply.cut:
                raise http.RemoteProtocolError("peer closed connection without sending complete message body")

        async def __aiter__(self) -> Any:
            for piece in self:
                yield piece

        def close(self) -> None:
            """Nothing is held."""

        async def aclose(self) -> None:
            """Nothing is held."""

    return Body


class _Body(io.RawIOBase):
    """The body of a reply as a file, for urllib3."""

    def __init__(self, reply: Reply) -> None:
        self._pieces = _pieces(reply)
        self._left = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Hand out what the next piece holds."""
        if not self._left:
            self._left = next(self._pieces, b"")
        taken, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def _urllib3_response(reply: Reply) -> Any:
    from urllib3.response import HTTPResponse

    headers = {"content-type": reply.content_type, **reply.headers}
    return HTTPResponse(_Body(reply), headers, reply.status, preload_content=False, decode_content=False)


def _botocore(stack: ExitStack, answer: Answer) -> None:
    response_class = import_module("botocore.awsrequest").AWSResponse
    session = import_module("botocore.httpsession").URLLib3Session
    original = vars(session)["send"]

    def send(self: Any, request: Any) -> Any:
        reply = answer(_request(request.method, request.url, request.headers, request.body))
        if reply is None:
            return original(self, request)
        raw = _urllib3_response(reply)
        response = response_class(request.url, reply.status, raw.headers, raw)
        if not request.stream_output:
            _ = response.content  # as botocore does: what is not streamed has been read
        return response

    _replace(stack, session, "send", send)


def _requests(stack: ExitStack, answer: Answer) -> None:
    from requests.adapters import HTTPAdapter

    original = vars(HTTPAdapter)["send"]

    def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        reply = answer(_request(request.method, request.url, request.headers, request.body))
        if reply is None:
            return original(self, request, *args, **kwargs)
        return self.build_response(request, _urllib3_response(reply))

    _replace(stack, HTTPAdapter, "send", send)


def _aiohttp(stack: ExitStack, answer: Answer) -> None:
    from aiohttp import ClientSession

    original = vars(ClientSession)["_request"]
    replies: dict[str, Reply] = {}
    tokens = count(1)
    server: list[StubServer] = []

    def loopback() -> str:
        if not server:
            server.append(stack.enter_context(StubServer(lambda request: replies.pop(request.path))))
        return server[0].url

    async def request(self: Any, method: str, url: Any, **kwargs: Any) -> Any:
        body = json.dumps(kwargs["json"]) if kwargs.get("json") is not None else kwargs.get("data")
        reply = answer(_request(method, str(url), kwargs.get("headers"), body))
        if reply is None:
            return await original(self, method, url, **kwargs)
        path = f"/{next(tokens)}"
        replies[path] = reply
        for name in ("params", "proxy", "proxy_auth", "proxy_headers", "ssl", "ssl_context", "server_hostname"):
            kwargs.pop(name, None)
        return await original(self, method, f"{loopback()}{path}", **kwargs)

    _replace(stack, ClientSession, "_request", request)
