"""The vendor endpoint: a real HTTP server on the loopback interface that several vendors' SDKs are pointed at."""

from __future__ import annotations

import json
import time
from collections import Counter
from threading import Lock
from typing import Any

from otel_refusals.demo.script import ordinary, played_to
from otel_refusals.testing import Reply, Request, Scenario, StubServer, speakers
from otel_refusals.testing.speakers.anthropic_messages import FALLBACK_MODEL

TOKEN_PACE = 0.004
"""Seconds from one event of a stream to the next."""

ANSWER_PACE = 0.08
"""Seconds to a whole answer."""


class VendorEndpoint(StubServer):
    """Speaks the wires of all vendors, and says what the script tells it."""

    def __init__(self) -> None:
        super().__init__(self._reply)
        self.statuses: Counter[int] = Counter()
        self._counting = Lock()

    def played(self, prompt: str, model: str) -> Scenario | Reply:
        """What is played to `prompt`; but the fallback model answers what others decline."""
        played = played_to(prompt)
        declined = isinstance(played, Scenario) and played.outcome == "refused"
        return ordinary(prompt) if declined and model == FALLBACK_MODEL else played

    def _reply(self, request: Request) -> Reply:
        played = self.played(_prompt(request.json or {}), speakers.model_of(request))
        reply = played if isinstance(played, Reply) else speakers.answer(request, played, TOKEN_PACE)
        if reply is None:
            reply = Reply(json.dumps({"error": {"message": f"no such path: {request.path}"}}).encode(), 404)
        if isinstance(reply.body, bytes):
            time.sleep(ANSWER_PACE)
        with self._counting:
            self.statuses[reply.status] += 1
        return reply


def _prompt(body: dict[str, Any]) -> str:
    """The text of the last message, as each of the wires spells it."""
    asked = body.get("input") or body.get("messages") or body.get("contents") or ""
    if isinstance(asked, list):
        asked = asked[-1].get("content") or asked[-1].get("parts") or ""
    return asked if isinstance(asked, str) else json.dumps(asked)
