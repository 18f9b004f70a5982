"""The vendor endpoint: a real HTTP server on the loopback interface that several vendors' SDKs are pointed at."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count
from threading import Lock
from typing import Any

from otel_refusals.demo import anthropic_wire, openai_wire
from otel_refusals.demo.script import Turn, ordinary, turn_for
from otel_refusals.testing import Reply, Request, StubServer

TOKEN_PACE = 0.004
"""Seconds from one event of a stream to the next."""

ANSWER_PACE = 0.08
"""Seconds to a whole answer."""


class VendorEndpoint(StubServer):
    """Speaks Anthropic Messages, OpenAI chat completions and Responses, and Azure's form of chat completions."""

    def __init__(self) -> None:
        super().__init__(self._reply)
        self.statuses: Counter[int] = Counter()
        self._numbers = count(1)
        self._lock = Lock()

    def reply_to(self, request: Request) -> Reply:
        """The reply to `request`, which is not remembered: the demo may run for days."""
        return self._reply(request)

    def _reply(self, request: Request) -> Reply:
        body = request.json or {}
        prompt = _prompt(body)
        reply = _answer(
            request.path.partition("?")[0], body, _turn(prompt, body.get("model")), next(self._numbers), prompt
        )
        with self._lock:
            self.statuses[reply.status] += 1
        return reply


def _turn(prompt: str, model: str | None) -> Turn:
    """The scripted turn; but the fallback model answers what another declines."""
    turn = turn_for(prompt)
    return ordinary(prompt) if turn.ending == "refused" and model == anthropic_wire.FALLBACK_MODEL else turn


def _answer(path: str, body: dict[str, Any], turn: Turn, number: int, prompt: str) -> Reply:
    if turn.ending == "blocked":
        return _json(openai_wire.blocked_by_azure(turn.category), 400)
    if turn.ending == "broken":
        # The header keeps the SDK from trying again: the demo is to show one error.
        return _json(openai_wire.broken(), 500, {"x-should-retry": "false"})
    for suffix, (whole, events) in _WIRES.items():
        if path.endswith(suffix):
            asked = replace(turn, usage=bool((body.get("stream_options") or {}).get("include_usage")))
            spoken = (asked, number, body["model"], prompt)
            return _stream(events(*spoken)) if body.get("stream") else _json(whole(*spoken))
    return _json({"error": {"message": f"no such path: {path}"}}, 404)


_WIRES = {
    "/v1/messages": (anthropic_wire.message, anthropic_wire.message_events),
    "/responses": (openai_wire.response, openai_wire.response_events),
    "/chat/completions": (openai_wire.completion, openai_wire.completion_chunks),
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
    asked = body.get("input") or body.get("messages") or ""
    if isinstance(asked, list):
        asked = asked[-1].get("content", "")
    return asked if isinstance(asked, str) else json.dumps(asked)
