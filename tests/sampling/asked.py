"""A vendor that declines by lot and counts who was asked, and the command line that asks it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Any

from otel_refusals.demo.chance import ChanceEndpoint
from otel_refusals.testing import Reply, Request, StubServer

MODEL, OTHER = "claude-fable-5", "claude-opus-5"
COMMAND = [sys.executable, "-c", "from otel_refusals.cli import main; main()", "sample"]
LIMITED = b'{"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}'
BROKEN = b'{"type": "error", "error": {"type": "api_error", "message": "sorry"}}'


class CountingEndpoint(ChanceEndpoint):
    """Remembers every request; replies that are queued come first. While `held` is cleared, nobody is answered."""

    def __init__(self, share: float | dict[str, float] = 0.3, seed: int = 0) -> None:
        super().__init__(share, seed)
        self.times: list[float] = []
        self.held = Event()
        self.held.set()

    def reply_to(self, request: Request) -> Reply:
        self.times.append(time.monotonic())
        if not self.held.is_set():
            self.requests.append(request)
            self.held.wait(60)
            self.requests.remove(request)
        return StubServer.reply_to(self, request)

    @property
    def asked(self) -> Counter[tuple[str, str]]:
        """How often each prompt was put to each model."""
        bodies = [request.json for request in self.requests if request.json]  # none where a killed client broke off
        return Counter((body["messages"][-1]["content"], body["model"]) for body in bodies)

    def declines(self, prompts: Sequence[str], model: str = MODEL) -> int:
        """How many of the prompts it refuses."""
        return sum(self.played(prompt, model).outcome == "refused" for prompt in prompts)


def text_of(number: int) -> str:
    """The text of a prompt; nothing that the report may show by itself."""
    return f"Please do the secret task {number}."


def prompts_in(directory: Path, count: int) -> Path:
    """A file of that many prompts: `p000`, `p001` and so on."""
    file = directory / "prompts.jsonl"
    lines = [json.dumps({"id": f"p{number:03}", "prompt": text_of(number)}) for number in range(count)]
    file.write_text("\n".join(lines))
    return file


def arguments(vendor: CountingEndpoint, prompts: Path, *more: str, sdk: str = "anthropic") -> list[str]:
    """The arguments of the command that asks the endpoint, with JSON as the answer."""
    base = vendor.url if sdk == "anthropic" else f"{vendor.url}/v1"
    given = ["--vendor", sdk, "--model", MODEL, "--prompts", str(prompts), "--base-url", base]
    return [*given, *(() if "--format" in more else ("--format", "json")), *more]


def started(args: Sequence[str]) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    environment = {**os.environ, "ANTHROPIC_API_KEY": "key", "OPENAI_API_KEY": "key"}
    return subprocess.Popen(
        [*COMMAND, *args], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finished(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any], str]:
    """Its exit status, its report and what it said besides."""
    out, err = process.communicate(timeout=90)
    return process.returncode, json.loads(out) if out else {}, err
