"""Where botocore and aiobotocore are seen when they call Amazon Bedrock, and who reads what passes there."""

from __future__ import annotations

from otel_refusals.vendor import Chokepoint, Endings, Endpoint, Vendor, by_class
from otel_refusals.vendors import _bedrock_models as models
from otel_refusals.vendors._bedrock_converse import GUARDRAIL, REFUSALS, STOP_REASONS, ConverseReader, plain_converse
from otel_refusals.vendors._bedrock_guardrail import GuardrailReader
from otel_refusals.vendors._bedrock_invoke import InvokeReader

VENDOR = Vendor(
    name="botocore",
    requires="botocore >= 1.34.129, < 2",  # the first that hands over what a guardrail says in Converse
    providers=("aws.bedrock",),
    provider_of=by_class("aws.bedrock", {}),
    chokepoints=(
        # Under `_make_api_call`, so that a span which others make around that is current here, in either order.
        Chokepoint("botocore.client", "BaseClient._make_request", "aws_call"),
        Chokepoint("aiobotocore.client", "AioBaseClient._make_request", "async_aws_call"),
    ),
    endpoints=(
        Endpoint("POST", "/model/{id}/converse", "chat", ConverseReader, plain=plain_converse),
        Endpoint("POST", "/model/{id}/converse-stream", "chat", ConverseReader),
        Endpoint("POST", "/model/{id}/invoke", "chat", InvokeReader),
        Endpoint("POST", "/model/{id}/invoke-with-response-stream", "chat", InvokeReader),
        Endpoint("POST", "/guardrail/{id}/version/{version}/apply", "apply_guardrail", GuardrailReader),
    ),
    endings=(
        Endings(("stopReason",), STOP_REASONS, (GUARDRAIL, *sorted(REFUSALS - {GUARDRAIL}))),
        Endings(("completionReason",), models.REASONS, tuple(models.REFUSALS)),
    ),
)
