"""We hear of a new value before any user does: the service model of the installed botocore lists none unread."""

from __future__ import annotations

from typing import Any

import botocore.session

from otel_refusals.vendors import _bedrock_guardrail as guardrail
from otel_refusals.vendors._bedrock_converse import _EVENTS, FAILED, REFUSALS, STOP_REASONS
from tests.sdk.botocore.calls import lacks_apply_guardrail

model = botocore.session.Session().get_service_model("bedrock-runtime")


def shape(name: str) -> Any:
    """A shape of the service model."""
    return model.shape_for(name)


def test_every_stop_reason_has_a_reading() -> None:
    """Of Converse."""
    listed = set(shape("StopReason").enum)

    assert listed
    assert set() == listed - set(STOP_REASONS) - FAILED - REFUSALS


def test_every_content_filter_has_a_category() -> None:
    """Of guardrails."""
    listed = set(shape("GuardrailContentFilterType").enum)

    assert listed
    assert listed == set(guardrail.CONTENT_FILTERS)


def test_every_action_of_every_policy_is_known() -> None:
    """Blocking, masking, and nothing."""
    found = [name for name in model.shape_names if name.startswith("Guardrail") and name.endswith("PolicyAction")]

    assert found
    assert set() == set().union(*(model.shape_for(name).enum for name in found)) - guardrail.ACTIONS


def test_every_policy_is_read() -> None:
    """Each list of findings that have an action; automated reasoning's have none."""
    assessment = shape("GuardrailAssessment")
    listed = {
        (policy, findings)
        for policy, members in assessment.members.items()
        if policy.endswith("Policy")
        for findings, kind in members.members.items()
        if kind.type_name == "list" and "action" in getattr(kind.member, "members", {})
    }

    assert listed
    assert listed <= {(policy, findings) for policy, findings, *_ in guardrail._POLICIES}


@lacks_apply_guardrail
def test_every_answer_of_apply_guardrail_has_a_reading() -> None:
    """With the actions that the reader tests for."""
    assert {"NONE", "GUARDRAIL_INTERVENED"} == set(shape("GuardrailAction").enum)


def test_every_event_of_a_stream_is_known() -> None:
    """Events, and errors by their ending."""
    listed = set(shape("ConverseStreamOutput").members)

    assert set() == {name for name in listed if not name.endswith("Exception")} - set(_EVENTS)
    assert {"chunk"} == {name for name in shape("ResponseStream").members if not name.endswith("Exception")}


READ = {"ApplyGuardrail", "Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream"}
NOT_READ = {
    "CountTokens",  # generates nothing
    "InvokeGuardrailChecks",  # scores, and decides nothing
    "StartAsyncInvoke",  # the result lies in S3
    "GetAsyncInvoke",
    "ListAsyncInvokes",
    "InvokeModelWithBidirectionalStream",  # HTTP/2, which botocore cannot
}


def test_every_operation_is_read_or_was_looked_at() -> None:
    """A new one that generates would be missed."""
    assert set() == set(model.operation_names) - READ - NOT_READ
