"""Which scenario a stub plays to a request: by header, by the name of the model, or by chance."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping

from otel_refusals.testing import speakers
from otel_refusals.testing.scenario import COMPLETED, Scenario, ScenarioError, scenario_from
from otel_refusals.testing.speakers.turn import NotSpokenError
from otel_refusals.testing.stub import Reply, Request

HEADER = "x-refusal-scenario"
"""A request's header that names its scenario: `mid_stream_text, category=bio, after_tokens=40`."""

MODEL_MARK = "@"
"""What a model's name has before a scenario: `claude-opus-5@mid_stream_text`."""


class Chooser:
    """Answers every call that generates, on any vendor's wire: by the header `x-refusal-scenario`, else by what stands
    after an `@` in the name of the model, else by the odds, else as `otherwise` says.

    Args:
        odds: How likely a scenario is; names as in the header, or scenarios. The rest of the odds is `otherwise`.
        seed: Of the chances, so that a run can be repeated.
        otherwise: What is played when nothing is asked for.
        pace: Seconds before each item of a stream.

    Raises:
        ScenarioError: for a name that is no scenario, or odds that are no probabilities.
    """

    def __init__(
        self,
        odds: Mapping[str, float] | None = None,
        *,
        seed: int = 0,
        otherwise: Scenario = COMPLETED,
        pace: float = 0.0,
    ) -> None:
        self._odds = {name: (scenario_from(name), likely) for name, likely in (odds or {}).items()}
        total = sum(likely for _, likely in self._odds.values())
        if any(likely < 0 for _, likely in self._odds.values()) or total > 1 + 1e-9:
            raise ScenarioError(f"odds {dict(odds or {})}: no probabilities that add up to 1 at most")
        self._random = random.Random(seed)
        self._otherwise = otherwise
        self._pace = pace

    def __call__(self, request: Request) -> Reply:
        """The reply to `request`; 404 for a call that does not generate, 400 for a scenario that does not exist."""
        try:
            scenario = self.scenario_for(request) if speakers.asks(request) else COMPLETED
            reply = self.play(request, scenario)
        except (ScenarioError, NotSpokenError) as error:
            return _error(400, str(error))
        return reply

    def play(self, request: Request, scenario: Scenario) -> Reply:
        """`scenario` on the wire that `request` asks for."""
        reply = speakers.answer(request, scenario, self._pace)
        return reply or _error(404, f"{request.method} {request.path} does not generate")

    def scenario_for(self, request: Request) -> Scenario:
        """What is played to `request`.

        Raises:
            ScenarioError: for a name that is no scenario.
        """
        _, mark, in_model = speakers.model_of(request).rpartition(MODEL_MARK)
        spelled = request.headers.get(HEADER) or (in_model if mark else "")
        if spelled:
            return scenario_from(spelled)
        chance = self._random.random()
        for scenario, likely in self._odds.values():
            chance -= likely
            if chance < 0:
                return scenario
        return self._otherwise


def _error(status: int, message: str) -> Reply:
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": message}, "message": message}
    return Reply(json.dumps(body).encode(), status)
