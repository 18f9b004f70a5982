"""The claims intake: it sums up every claim with one vendor's model, and asks another's for what the letter needs."""

from __future__ import annotations

from typing import Any

import boto3  # type: ignore[import-untyped]
from google import genai  # pyright: ignore[reportAttributeAccessIssue]

from .work import CLAIMS

MODEL = "gemini-3-flash"
LETTER_MODEL = "deepseek.r1-v1:0"
GUARDRAIL = {"guardrailIdentifier": "demo-guardrail", "guardrailVersion": "1", "trace": "enabled"}


def take_in() -> str:
    """Take every claim in; what the intake reports."""
    gemini = genai.Client()
    bedrock = boto3.client("bedrock-runtime")
    for number, claim in enumerate(CLAIMS):
        if number % 3:
            _sum_up(gemini, claim)
        else:
            _letter(bedrock, claim)
    return f"{len(CLAIMS)} claims taken in"


def _sum_up(client: genai.Client, claim: str) -> str:
    chunks = client.models.generate_content_stream(model=MODEL, contents=f"Sum up the claim: {claim}.")
    return "".join(chunk.text or "" for chunk in chunks)


def _letter(client: Any, claim: str) -> str:
    ask = {"role": "user", "content": [{"text": f"What does the letter need for the claim: {claim}?"}]}
    answer = client.converse(modelId=LETTER_MODEL, messages=[ask], guardrailConfig=GUARDRAIL)
    text: str = answer["output"]["message"]["content"][0]["text"]
    return text
