"""What the vendor endpoint answers to whom: a phrase of the request, and the turn that it gets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Ending = Literal["completed", "truncated", "tool_call", "refused", "filtered", "rescued", "novel", "blocked", "broken"]
"""How a turn ends. `refused`: the vendor's refusal; `filtered`: its content filter cut in; `blocked`: Azure's 400,
Gemini's blocked prompt, Bedrock's guardrail; `broken`: a true error, HTTP 500; `novel`: a stop reason that nobody has
seen before."""

NOVEL_STOP_REASON = "policy_hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One answer of the vendor.

    Args:
        text: What the model wrote before the end.
        thinking: What it thought before that.
        ending: How the turn ends.
        category: The vendor's category of a refusal.
        usage: Whether the caller asked a stream of chat completions to report its tokens.
    """

    text: str = ""
    thinking: str = ""
    ending: Ending = "completed"
    category: str | None = None
    usage: bool = False


_PARTIAL_ARCHIVE = (
    "Reading the unpacking routine from the top. Member names are joined to the target directory without being "
    "normalised first, so a name that climbs out of the directory would be followed. Whether that can be reached "
    "depends on the caller: the upload route passes the archive through unchanged, and the two checks in front of "
    "it look only at the size. To show that the path is reachable I would build an archive whose second member"
)

_PARTIAL_YAML = (
    "The loader is chosen by a setting, and the default is the unsafe one. Any document that arrives from the "
    "import page is therefore able to name a constructor. The next step is to see which constructors are in scope, "
    "starting with"
)

_THINKING_SANDBOX = (
    "The tests try to leave the sandbox, so to review them I have to know which of the attempts would succeed. The "
    "first one opens a descriptor before the filter is installed and keeps it. The second relies on a mount that "
    "the container keeps writable. The third is the interesting one: it asks the broker for a handle and then races "
    "the check. If I follow that through, the review becomes a description of a working escape"
)

_PARTIAL_INVOICE = (
    "Your last three invoices are listed under Billing. The one from October shows two lines because the plan was "
    "changed in the middle of the month. To take the older line off again, open the invoice, choose"
)

_PARTIAL_LETTER = (
    "Here is a draft of the letter to your neighbour. I am sorry that it has come to this, and I would like us to find"
)

_PARTIAL_WOUND = (
    "The claimant fell from the third rung of a ladder and was treated in hospital on the same day. The first of the "
    "photographs shows"
)

_ROTATED = "The key is read from the vault at start, and the old one stays valid for an hour."

SCRIPT: dict[str, Turn] = {
    # The security review: cyber refusals before, inside and instead of the answer.
    "exploits/poc_check.py": Turn(ending="refused", category="cyber"),
    "net/port_scanner.py": Turn(ending="refused", category="cyber"),
    "payloads/fuzz_corpus.py": Turn(ending="refused", category="cyber"),
    "parsers/archive.py": Turn(text=_PARTIAL_ARCHIVE, ending="refused", category="cyber"),
    "parsers/yaml_loader.py": Turn(text=_PARTIAL_YAML, ending="refused", category="cyber"),
    "sandbox/escape_tests.py": Turn(thinking=_THINKING_SANDBOX, ending="refused", category="cyber"),
    # The support bot: the model declines in `message.refusal`, a content filter cuts in, Azure answers 400.
    "the address of the driver": Turn(text="I'm sorry, I can't share details about other people.", ending="refused"),
    "someone else's account": Turn(text="I'm sorry, I can't help with access to another account.", ending="refused"),
    "take a line off an invoice": Turn(text=_PARTIAL_INVOICE, ending="filtered"),
    "a letter to my neighbour": Turn(text=_PARTIAL_LETTER, ending="filtered"),
    "your earlier instructions": Turn(ending="blocked", category="jailbreak"),
    "the status of my order": Turn(ending="broken"),
    # The claims intake: Gemini stops in the middle or blocks the prompt, and so does a guardrail on Bedrock.
    "photographs of the wound": Turn(text=_PARTIAL_WOUND, ending="filtered", category="DANGEROUS_CONTENT"),
    "the address of its owner": Turn(ending="blocked"),
    "a threatening letter": Turn(ending="blocked", category="VIOLENCE"),
    # The code assistant: saved by a fallback model, a tool call, a cut answer, and a value from the future.
    "rotate the signing key": Turn(text=_ROTATED, ending="rescued", category="cyber"),
    "run the failing test": Turn(text="Let me run it.", ending="tool_call"),
    "the whole changelog": Turn(text="## Changes\n\n- The importer keeps the order of", ending="truncated"),
    "the licence check": Turn(text="The check compares the header of each file with", ending="novel"),
}

_ORDINARY: dict[str, str] = {
    "review": "I read the file from top to bottom. Input is checked at the boundary. No findings.",
    "question": "Thank you for asking. You will find it in your account under Settings; it takes effect at once.",
    "claim": "The claim is complete. The damage is covered, and nothing needs to be asked for.",
    "task": "Done. The change is small and keeps the public interface; the tests that cover it are listed below.",
}


def turn_for(prompt: str) -> Turn:
    """The turn that `prompt` gets: the scripted one, else an ordinary answer in the words of its job."""
    for phrase, turn in SCRIPT.items():
        if phrase in prompt:
            return turn
    return ordinary(prompt)


def ordinary(prompt: str) -> Turn:
    """An answer in the words of the job."""
    kind = next((kind for kind in _ORDINARY if kind in prompt.lower()), "task")
    return Turn(text=_ORDINARY[kind])


def tokens(text: str) -> list[str]:
    """`text` in pieces about as long as a model's tokens."""
    return re.findall(r"\s*\S{1,6}", text)
