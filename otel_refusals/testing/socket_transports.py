"""Answers on the WebSockets that SDKs open with the websockets library: it connects to a loopback server instead.

    synchronous         `websockets.sync.client.connect`, which SDKs look up when they connect
    asynchronous        `websockets.asyncio.client.connect.__init__`: SDKs hold and subclass the class

The law of this module: who answers is asked before a connection is made, so that one nobody answers goes its way.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from importlib import import_module
from inspect import signature
from itertools import count
from typing import Any

from otel_refusals.testing.stub import Reply, Request, StubServer

Answer = Callable[[Request], Reply | None]
Made = Callable[[str, str, Any, Any], Request]
Replace = Callable[[ExitStack, Any, str, Any], None]

_ROUTES = ("sock", "ssl", "ssl_context", "server_hostname", "host", "port", "proxy", "proxy_ssl")
"""How a connection gets to the vendor, which is not how it gets to us."""


class Loopback:
    """Where connections go that are answered here: one server, started for the first of them."""

    def __init__(self, stack: ExitStack, answer: Answer, made: Made) -> None:
        self._stack = stack
        self._answer = answer
        self._made = made
        self._opened: dict[str, Request] = {}
        self._tokens = count(1)
        self._server: StubServer | None = None

    def redirected(self, connect: Any, url: str, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Where to connect, and how: to the loopback server where the opening is answered, else as asked."""
        opening = self._made("GET", url, options.get("additional_headers"), None)
        opening.headers["upgrade"] = "websocket"
        opening.headers.setdefault("user-agent", str(options.get("user_agent_header")))
        if self._answer(opening) is None:
            return url, options
        if self._server is None:
            self._server = self._stack.enter_context(StubServer(self._reply))
        path = f"/{next(self._tokens)}"
        self._opened[path] = opening
        options = {name: value for name, value in options.items() if name not in _ROUTES}
        if "proxy" in signature(connect).parameters:  # since websockets 15, and by default the environment's
            options["proxy"] = None
        return self._server.url.replace("http:", "ws:") + path, options

    def _reply(self, request: Request) -> Reply:
        reply = self._answer(replace(self._opened[request.path], json=request.json, first=request.first))
        return reply or Reply(cut=True)


def websockets(stack: ExitStack, answer: Answer, made: Made, replace_in: Replace) -> None:
    """Let `answer` be asked for connections, their openings and messages, until `stack` is closed."""
    loopback = Loopback(stack, answer, made)
    client = import_module("websockets.sync.client")
    connect = client.connect

    def connect_sync(uri: str, **options: Any) -> Any:
        uri, options = loopback.redirected(connect, uri, options)
        return connect(uri, **options)

    replace_in(stack, client, "connect", connect_sync)
    connecting = import_module("websockets.asyncio.client").connect
    init = vars(connecting)["__init__"]

    def connect_async(self: Any, uri: str, **options: Any) -> None:
        uri, options = loopback.redirected(init, uri, options)
        init(self, uri, **options)

    replace_in(stack, connecting, "__init__", connect_async)
