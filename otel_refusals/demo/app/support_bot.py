"""The support bot: it types its answers as they come, over the two OpenAI APIs, and asks Azure for one region."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

from openai import APIStatusError, AzureOpenAI, OpenAI

from .work import QUESTIONS

MODEL = "gpt-5.5"


def answer_all() -> str:
    """Answer every question; what the bot tells its team."""
    client = OpenAI()
    azure = AzureOpenAI(api_version="2026-08-01")
    ways: tuple[Callable[[str], str], ...] = (
        lambda prompt: _responses(client, prompt),
        lambda prompt: _chat(client, prompt, usage=True),
        lambda prompt: _responses(client, prompt),
        lambda prompt: _chat(client, prompt, usage=False),
        lambda prompt: _azure(azure, prompt),
    )
    answered = sum(_answer(way, question) for question, way in zip(QUESTIONS, cycle(ways), strict=False))
    return f"{len(QUESTIONS)} asked, {answered} answered, {len(QUESTIONS) - answered} failed"


def _answer(way: Callable[[str], str], question: str) -> bool:
    """Whether the question got an answer: whatever came back without an error is one."""
    try:
        way(f"Question of a customer: {question}")
    except APIStatusError:
        return False
    return True


def _chat(client: OpenAI, prompt: str, *, usage: bool) -> str:
    chunks = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": prompt}],
        stream=True,
        stream_options={"include_usage": usage},
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def _responses(client: OpenAI, prompt: str) -> str:
    with client.responses.stream(model=MODEL, input=prompt) as events:
        return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def _azure(client: AzureOpenAI, prompt: str) -> str:
    completion = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": prompt}])
    return completion.choices[0].message.content or ""
