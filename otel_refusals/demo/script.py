"""What the vendor endpoint answers to whom: a phrase of the request, and the scenario or the reply that it gets."""

from __future__ import annotations

import json

from otel_refusals.testing import Reply, Scenario, wire

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

_BROKEN = Reply(
    json.dumps({"error": {"message": "The server had an error", "type": "server_error"}}).encode(),
    500,
    headers={"x-should-retry": "false"},  # the demo is to show one error
)

SCRIPT: dict[str, Scenario | Reply] = {
    # The security review: cyber refusals before, inside and instead of the answer.
    "exploits/poc_check.py": Scenario(category="cyber"),
    "net/port_scanner.py": Scenario(category="cyber"),
    "payloads/fuzz_corpus.py": Scenario(category="cyber"),
    "parsers/archive.py": Scenario(stage="mid_stream", category="cyber", text=_PARTIAL_ARCHIVE),
    "parsers/yaml_loader.py": Scenario(stage="mid_stream", category="cyber", text=_PARTIAL_YAML),
    "sandbox/escape_tests.py": Scenario(
        stage="mid_stream", category="cyber", content="thinking", text=_THINKING_SANDBOX
    ),
    # The support bot: the model declines in `message.refusal`, a content filter cuts in, Azure answers 400.
    "the address of the driver": Scenario(source="model", text="I'm sorry, I can't share details about other people."),
    "someone else's account": Scenario(source="model", text="I'm sorry, I can't help with access to another account."),
    "take a line off an invoice": Scenario(stage="mid_stream", text=_PARTIAL_INVOICE),
    "a letter to my neighbour": Scenario(stage="mid_stream", text=_PARTIAL_LETTER),
    "your earlier instructions": wire("azure_openai", "error_400_prompt_jailbreak").reply,
    "the status of my order": _BROKEN,
    # The claims intake: Gemini stops in the middle or blocks the prompt, and so does a guardrail on Bedrock.
    "photographs of the wound": Scenario(stage="mid_stream", category="dangerous", text=_PARTIAL_WOUND),
    "the address of its owner": Scenario(category="blocklist"),
    "a threatening letter": Scenario(category="violence"),
    # The code assistant: saved by a fallback model, a tool call, a cut answer, and a value from the future.
    "rotate the signing key": Scenario(outcome="rescued", category="cyber", text=_ROTATED),
    "run the failing test": Scenario(outcome="tool_call"),
    "the whole changelog": Scenario(outcome="truncated", text="## Changes\n\n- The importer keeps the order of"),
    "the licence check": Scenario(outcome="unknown", text="The check compares the header of each file with"),
}

_ORDINARY: dict[str, str] = {
    "review": "I read the file from top to bottom. Input is checked at the boundary. No findings.",
    "question": "Thank you for asking. You will find it in your account under Settings; it takes effect at once.",
    "claim": "The claim is complete. The damage is covered, and nothing needs to be asked for.",
    "task": "Done. The change is small and keeps the public interface; the tests that cover it are listed below.",
}


def played_to(prompt: str) -> Scenario | Reply:
    """What `prompt` gets: what the script says, else an ordinary answer in the words of its job."""
    return next((played for phrase, played in SCRIPT.items() if phrase in prompt), ordinary(prompt))


def ordinary(prompt: str) -> Scenario:
    """An answer in the words of the job."""
    kind = next((kind for kind in _ORDINARY if kind in prompt.lower()), "task")
    return Scenario(outcome="completed", text=_ORDINARY[kind])
