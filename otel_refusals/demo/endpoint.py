"""The vendor endpoint: a real HTTP server on the loopback interface that several vendors' SDKs are pointed at."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count
from threading import Lock
from typing import Any
from urllib.parse import unquote

from otel_refusals.demo import anthropic_wire, bedrock_wire, gemini_wire, openai_wire
from otel_refusals.demo.script import Turn, ordinary, turn_for
from otel_refusals.testing import Reply, Request, StubServer

TOKEN_PACE = 0.004
"""Seconds from one event of a stream to the next."""

ANSWER_PACE = 0.08
"""Seconds to a whole answer."""


class VendorEndpoint(StubServer):
    """Speaks Anthropic Messages, OpenAI chat completions and Responses, Azure's form of those, Gemini and Bedrock."""

    def __init__(self) -> None:
        super().__init__(self._reply)
        self.statuses: Counter[int] = Counter()
        self._numbers = count(1)
        self._lock = Lock()

    def reply_to(self, request: Request) -> Reply:
        """The reply to `request`, which is not remembered: the demo may run for days."""
        return self._reply(request)

    def turn(self, prompt: str, model: str) -> Turn:
        """What `model` answers: by the demo's script, but the fallback model answers what others decline."""
        turn = turn_for(prompt)
        return ordinary(prompt) if turn.ending == "refused" and model == anthropic_wire.FALLBACK_MODEL else turn

    def _reply(self, request: Request) -> Reply:
        body = request.json or {}
        prompt = _prompt(body)
        turn = self.turn(prompt, body.get("model", ""))
        reply = _answer(request.path.partition("?")[0], body, turn, next(self._numbers), prompt)
        with self._lock:
            self.statuses[reply.status] += 1
        return reply


def _answer(path: str, body: dict[str, Any], turn: Turn, number: int, prompt: str) -> Reply:
    if turn.ending == "blocked" and path.endswith("/chat/completions"):
        return _json(openai_wire.blocked_by_azure(turn.category), 400)
    if turn.ending == "broken":
        # The header keeps the SDK from trying again: the demo is to show one error.
        return _json(openai_wire.broken(), 500, {"x-should-retry": "false"})
    in_path = re.search(r"/models?/([^/:]+)", unquote(path))
    for suffix, (whole, events) in _WIRES.items():
        if path.endswith(suffix):
            asked = replace(turn, usage=bool((body.get("stream_options") or {}).get("include_usage")))
            spoken = (asked, number, in_path[1] if in_path else body["model"], prompt)
            streams = body.get("stream") or path.endswith(_STREAMING)
            return _stream(events(*spoken)) if streams else _json(whole(*spoken))
    return _json({"error": {"message": f"no such path: {path}"}}, 404)


_STREAMING = ":streamGenerateContent"

_Wire = tuple[Callable[..., dict[str, Any]], Callable[..., Iterable[bytes]]]

_WIRES: dict[str, _Wire] = {
    "/v1/messages": (anthropic_wire.message, anthropic_wire.message_events),
    "/responses": (openai_wire.response, openai_wire.response_events),
    "/chat/completions": (openai_wire.completion, openai_wire.completion_chunks),
    ":generateContent": (gemini_wire.content, gemini_wire.content_events),
    _STREAMING: (gemini_wire.content, gemini_wire.content_events),
    "/converse": (bedrock_wire.converse, lambda *_: ()),
}
"""The end of a path; who makes the whole answer, and who the stream."""


def _json(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    time.sleep(ANSWER_PACE)
    return Reply(json.dumps(body).encode(), status, headers=headers or {})


def _stream(events: Iterable[bytes]) -> Reply:
    return Reply(_paced(events), content_type="text/event-stream")


def _paced(events: Iterable[bytes]) -> Iterator[bytes]:
    for event in events:
        time.sleep(TOKEN_PACE)
        yield event


def _prompt(body: dict[str, Any]) -> str:
    """The text of the last message, as each of the wires spells it."""
    asked = body.get("input") or body.get("messages") or body.get("contents") or ""
    if isinstance(asked, list):
        asked = asked[-1].get("content") or asked[-1].get("parts") or ""
    return asked if isinstance(asked, str) else json.dumps(asked)
