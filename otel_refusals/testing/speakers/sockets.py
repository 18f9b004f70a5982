"""What OpenAI (Responses, Realtime, Live) and Google (Live) say on WebSockets, one message of the client after another.

The law of this module: it keeps nothing of a connection; a message, the first one and where they were sent are all that
counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from otel_refusals.testing.scenario import Scenario
from otel_refusals.testing.speakers import gemini_live, openai_live, openai_realtime, openai_sockets
from otel_refusals.testing.speakers.turn import Turn
from otel_refusals.testing.stub import Reply, Request

_Message = Mapping[str, Any]
_Event = dict[str, Any]


def _silence(_: _Message | None) -> Iterator[_Event]:
    return iter(())


@dataclass(frozen=True, slots=True)
class _Socket:
    """One kind of connection.

    Args:
        path: The end of the path.
        asking: Whether a message asks for an answer.
        model: The model that is asked, by the message, the first one, and where they were sent.
        answer: Gives the answer.
        acknowledgement: What comes before it, and to other messages; to None, when the connection opens.
        passed_on: What an HTTP endpoint of the vendor says, and with which status, as it is said here.
        configured: What of the first message is part of every request.
    """

    path: re.Pattern[str]
    asking: Callable[[_Message], bool]
    model: Callable[[_Message, _Message, str], str]
    answer: Callable[[Turn], Iterator[_Event]]
    acknowledgement: Callable[[_Message | None], Iterator[_Event]] = _silence
    passed_on: Callable[[_Event, int], _Event] = openai_sockets.as_event
    configured: Callable[[_Message], _Message] = lambda _: {}


_SOCKETS = (
    _Socket(
        re.compile(r"/responses$"),
        openai_sockets.creates,
        openai_sockets.model_of,
        openai_sockets.lane,
    ),
    _Socket(
        # Translations have no responses, so nothing of them can be declined.
        re.compile(r"/realtime(/translations)?$"),
        openai_sockets.creates,
        openai_sockets.model_of,
        openai_realtime.response_events,
        openai_realtime.acknowledgement,
    ),
    _Socket(
        re.compile(r"/live/sessions(/[^/]+/(attach|fork))?$"),
        openai_live.asks,
        openai_sockets.model_of,
        openai_live.events,
        openai_live.acknowledgement,
        lambda event, status: openai_live.nested(openai_sockets.as_event(event, status)),
    ),
    _Socket(
        re.compile(r"[./]BidiGenerateContent$"),
        gemini_live.asks,
        gemini_live.model_of,
        gemini_live.events,
        gemini_live.acknowledgement,
        lambda event, _: event,
        gemini_live.setup_of,
    ),
)


def _socket_of(request: Request) -> _Socket | None:
    path = urlsplit(request.path).path
    return next((socket for socket in _SOCKETS if socket.path.search(path)), None)


def _object(message: Any) -> _Message:
    """A message; an empty one for what is no JSON object."""
    return message if isinstance(message, Mapping) else {}


def asks(request: Request) -> bool:
    """Whether the message of `request` asks for an answer."""
    socket = _socket_of(request)
    return socket is not None and socket.asking(_object(request.json))


def model_of(request: Request) -> str:
    """The model that the message asks, else the one that the connection was opened for; empty where neither says so."""
    socket = _socket_of(request)
    return socket.model(_object(request.json), _object(request.first), request.path) if socket else ""


def events(request: Request, scenario: Scenario) -> Iterable[_Event] | None:
    """What the vendor says to the message of `request`, or first of all; None where it is no socket that is known.

    Raises:
        NotSpokenError: for a scenario that has no form on this socket.
    """
    socket = _socket_of(request)
    if socket is None:
        return None
    if request.json is None:
        return socket.acknowledgement(None)
    message = _object(request.json)
    said = socket.acknowledgement(message)
    if not socket.asking(message):
        return said
    asked = {**socket.configured(_object(request.first)), **message}
    return [*said, *socket.answer(Turn(scenario, asked, model_of(request)))]


def in_messages(request: Request, reply: Reply) -> Reply:
    """A reply that was made for HTTP: each server-sent event, or the whole JSON, as the messages that stand for it."""
    socket = _socket_of(request)
    if socket is None or not isinstance(reply.body, bytes):
        return reply
    lines = [line[6:] for line in reply.body.splitlines() if line.startswith(b"data: ") and line != b"data: [DONE]"]
    said = [socket.passed_on(json.loads(line), reply.status) for line in lines or [reply.body] if line]
    opened = None if request.json is None else _object(request.json)
    return Reply([json.dumps(event).encode() for event in (*socket.acknowledgement(opened), *said)], cut=reply.cut)
