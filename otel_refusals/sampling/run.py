"""A sample, run: as many requests at once as allowed, as many in all as the budget has room for, every answer kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from otel_refusals.outcome import Errored
from otel_refusals.sampling.asking import Answer, Ask, SampleError
from otel_refusals.sampling.case import Case, case_of
from otel_refusals.sampling.journal import Journal, Key
from otel_refusals.sampling.prompts import Prompt

ERRORS_IN_A_ROW = 20
"""After so many errors and no answer between them, nothing more is asked."""

_ENVELOPE = 256
"""Tokens that a vendor adds to a conversation, at most: roles, and what marks the turns."""

End = Literal["done", "stopped", "budget", "failed"]


@dataclass(slots=True)
class Budget:
    """Tokens, input and output together, that must not be exceeded.

    What a request could use at most is held back while it is under way. So the limit holds, whatever comes back.

    Args:
        limit: How many; None for any number.
        spent: Used up, by what vendors reported.
    """

    limit: int | None
    spent: int = 0
    _held: int = 0

    def fits(self, tokens: int) -> bool:
        """Whether a request that may use as many can be sent now."""
        return self.limit is None or self.spent + self._held + tokens <= self.limit

    def hold(self, tokens: int) -> None:
        """Hold back what a request may use."""
        self._held += tokens

    def settle(self, held: int, used: int) -> None:
        """Replace what was held by what was used."""
        self._held -= held
        self.spent += used


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be asked.

    Args:
        prompts: The chosen prompts, in the order in which they are asked.
        models: Each prompt is put to each of them.
        max_tokens: The most that one answer may have.
        concurrency: How many requests may be under way at once.
        max_total_tokens: The budget; None for none.
        again: Whether requests in doubt are sent again.
    """

    prompts: Sequence[Prompt]
    models: tuple[str, ...]
    max_tokens: int
    concurrency: int = 8
    max_total_tokens: int | None = None
    again: bool = True

    def reserve(self, prompt: Prompt) -> int:
        """The tokens that one request can use at most."""
        return prompt.size + _ENVELOPE + self.max_tokens

    def requests(self) -> Iterator[tuple[Prompt, str]]:
        """Every request; those of one prompt stand together, so that a run that ends early has pairs."""
        return ((prompt, model) for prompt in self.prompts for model in self.models)


@dataclass(slots=True)
class Run:
    """How a run ended.

    Args:
        end: Why nothing more was asked.
        why: In words, where it failed.
        errors: Requests that failed in this run, by the name of the error. They are asked again by the next one.
        spent: Tokens that everything in the journal has used, as far as vendors say; else what was held back.
        in_doubt: Requests of an earlier run that was killed, of which it is not known whether they were billed.
        total: How many requests the whole sample has.
    """

    end: End = "done"
    why: str = ""
    errors: dict[str, int] = field(default_factory=dict)
    spent: int = 0
    in_doubt: list[Key] = field(default_factory=list)
    total: int = 0


async def run(
    plan: Plan, journal: Journal, ask: Ask, *, stopping: Callable[[], bool], seen: Callable[[Case], None]
) -> Run:
    """Ask what the journal does not have yet.

    Args:
        plan: What to ask.
        journal: Where every answer goes first.
        ask: Puts a prompt to a model.
        stopping: Asked before each request; once it is true, what is under way is awaited and nothing more is sent.
        seen: Told of every answer of this run.
    """
    return await _Running(plan, journal, ask, seen).until(stopping)


class _Running:
    def __init__(self, plan: Plan, journal: Journal, ask: Ask, seen: Callable[[Case], None]) -> None:
        self._plan, self._journal, self._ask, self._seen = plan, journal, ask, seen
        self._pending: set[asyncio.Task[None]] = set()
        self._in_a_row = 0
        wanted = {(prompt.id, model): prompt for prompt, model in plan.requests()}
        self._result = Run(total=len(wanted), in_doubt=[key for key in journal.doubtful if key in wanted])
        self._budget = Budget(plan.max_total_tokens)
        self._budget.spent = sum(journal.doubtful.values())
        self._budget.spent += sum(_used(case, wanted, plan) for case in journal.answered.values())

    async def until(self, stopping: Callable[[], bool]) -> Run:
        try:
            for prompt, model in self._plan.requests():
                key = (prompt.id, model)
                if key in self._journal.answered or (key in self._journal.doubtful and not self._plan.again):
                    continue
                held = self._plan.reserve(prompt)
                while self._pending and (len(self._pending) >= self._plan.concurrency or not self._budget.fits(held)):
                    await self._wait(asyncio.FIRST_COMPLETED)
                if self._result.end == "failed":
                    break
                if stopping():
                    self._result.end = "stopped"
                    break
                if not self._budget.fits(held):
                    self._result.end = "budget"
                    break
                self._journal.asking(key, held)
                self._budget.hold(held)
                self._pending.add(asyncio.create_task(self._one(prompt, model, held)))
            while self._pending:
                await self._wait(asyncio.ALL_COMPLETED)
        finally:
            for task in self._pending:
                task.cancel()
        self._result.spent = self._budget.spent
        return self._result

    async def _wait(self, until: str) -> None:
        done, self._pending = await asyncio.wait(self._pending, return_when=until)
        for task in done:
            task.result()

    async def _one(self, prompt: Prompt, model: str, held: int) -> None:
        key = (prompt.id, model)
        try:
            answer = await self._ask(prompt, model)
        except SampleError as error:
            self._failed(key, held, str(error))
            self._result.end, self._result.why = "failed", str(error)
            return
        if isinstance(answer.outcome, Errored):
            self._errored(key, held, answer, answer.outcome.error_type)
            return
        case = case_of(prompt.id, model, answer.outcome, answer.input_tokens, answer.output_tokens)
        self._journal.answer(case)
        self._budget.settle(held, _tokens(case, held))
        self._in_a_row = 0
        self._seen(case)

    def _errored(self, key: Key, held: int, answer: Answer, name: str) -> None:
        self._failed(key, held, name, (answer.input_tokens or 0) + (answer.output_tokens or 0))
        self._result.errors[name] = self._result.errors.get(name, 0) + 1
        self._in_a_row += 1
        if self._in_a_row == ERRORS_IN_A_ROW:
            self._result.end, self._result.why = "failed", f"{self._in_a_row} errors in a row, the last one {name}"

    def _failed(self, key: Key, held: int, error: str, used: int = 0) -> None:
        self._journal.failed(key, error)
        self._budget.settle(held, used)


def _tokens(case: Case, held: int) -> int:
    """What a request has used; what was held back for it, where the vendor does not say."""
    if case.input_tokens is None or case.output_tokens is None:
        return held
    return case.input_tokens + case.output_tokens


def _used(case: Case, wanted: dict[Key, Prompt], plan: Plan) -> int:
    prompt = wanted.get((case.id, case.model))
    return _tokens(case, plan.reserve(prompt) if prompt else 0)
