"""How to call Bedrock, the same for botocore and aiobotocore."""

from __future__ import annotations

from typing import Any

import botocore
import pytest

# What the service model of an early 1.34 lacks, and nothing else: on a newer one a missing name is a failure.
_LACKS_GUARDRAIL = tuple(map(int, botocore.__version__.split(".")[:2])) < (1, 35)
lacks_apply_guardrail = pytest.mark.skipif(_LACKS_GUARDRAIL, reason="this botocore has no ApplyGuardrail")

MODEL = "us.anthropic.claude-fable-5-v1:0"
_CONVERSE = {"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": "Please."}]}]}
_INVOKE = {"modelId": MODEL, "body": b'{"messages": []}'}

CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "bedrock.converse": ("converse", _CONVERSE),
    "bedrock.converse_stream": ("converse_stream", _CONVERSE),
    "bedrock.invoke_model": ("invoke_model", _INVOKE),
    "bedrock.invoke_model_with_response_stream": ("invoke_model_with_response_stream", _INVOKE),
    "bedrock.apply_guardrail": (
        "apply_guardrail",
        {
            "guardrailIdentifier": "gr1",
            "guardrailVersion": "1",
            "source": "OUTPUT",
            "content": [{"text": {"text": "Please."}}],
        },
    ),
}
"""Method and arguments by the surface that a wire fixture names."""

CONVERSE, CONVERSE_STREAM, INVOKE, INVOKE_STREAM, GUARDRAIL = CALLS

SETTINGS: dict[str, Any] = {
    "region_name": "us-east-1",
    "aws_access_key_id": "key",
    "aws_secret_access_key": "secret",
}


def leave_out_unless(there: object, method: str) -> None:
    """Leave a test out where an early botocore lacks ApplyGuardrail; anything else that is missing fails."""
    if not there:
        assert _LACKS_GUARDRAIL, f"this botocore has no {method}"
        assert method == "apply_guardrail"
        pytest.skip("this botocore has no ApplyGuardrail")


def stream_of(response: dict[str, Any]) -> Any:
    """The event stream in a response."""
    return response["stream"] if "stream" in response else response["body"]
