"""The wire of the Responses API, as OpenAI, Azure OpenAI and Mistral speak it.

Shapes as in `openai.types.responses.Response` and `ResponseStreamEvent` of openai 3.54. Policies that have a code fail
the response (`cyber_policy`, `bio_policy`, `misalignment_policy_violation`); Azure names other categories in
`content_filters`; else the filter makes it incomplete.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otel_refusals.testing.speakers.openai_chat import CREATED, azure_results, declined
from otel_refusals.testing.speakers.turn import Turn

_POLICIES = {"cyber": "cyber_policy", "bio": "bio_policy", "misalignment": "misalignment_policy_violation"}
STATUSES = {"completed": "completed", "tool_call": "completed", "truncated": "incomplete", "refused": "incomplete"}
REASONS = {"truncated": "max_output_tokens", "refused": "content_filter"}


def policy_of(turn: Turn) -> str | None:
    """The code of the policy that fails the response; None where nothing of that kind happens."""
    return _POLICIES.get(turn.category(None) or "") if turn.scenario.outcome == "refused" else None


def response(turn: Turn) -> dict[str, Any]:
    """The whole response."""
    scenario, policy = turn.scenario, policy_of(turn)
    by_model = scenario.source == "model"
    # A reason of tomorrow comes in a status of today.
    status = "failed" if policy else "completed" if by_model else STATUSES.get(scenario.outcome, "incomplete")
    reason = REASONS.get(scenario.outcome, scenario.stop_reason)
    answer: dict[str, Any] = {
        "id": f"resp_{turn.id}",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": {"code": policy, "message": "This request was declined by a test."} if policy else None,
        "incomplete_details": {"reason": reason} if status == "incomplete" else None,
        "instructions": None,
        "model": turn.model,
        "output": list(_output(turn, "completed" if status == "completed" else "incomplete")),
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "metadata": {},
        "usage": _usage(turn),
    }
    results = None if policy else azure_results(turn)
    if results is not None:
        source = "completion" if turn.scenario.speaks else "prompt"
        answer["content_filters"] = [{"blocked": True, "source_type": source, "content_filter_results": results}]
    return answer


def _output(turn: Turn, status: str) -> Iterator[dict[str, Any]]:
    if turn.thinking:
        yield {"type": "reasoning", "id": f"rs_{turn.id}", "summary": []}
    part = _part(turn)
    if part:
        content = {"id": f"msg_{turn.id}", "role": "assistant", "content": [part]}
        yield {"type": "message", "status": status, **content}
    if turn.calls_tool:
        call = {"call_id": f"call_{turn.id}", "name": turn.tool, "arguments": "".join(turn.arguments)}
        yield {"type": "function_call", "id": f"fc_{turn.id}", "status": status, **call}


def _part(turn: Turn) -> dict[str, Any] | None:
    if turn.scenario.source == "model":
        return {"type": "refusal", "refusal": declined(turn)}
    if turn.text:
        return {"type": "output_text", "text": "".join(turn.text), "annotations": [], "logprobs": []}
    return None


def _usage(turn: Turn) -> dict[str, Any]:
    into, out = turn.input_tokens, 9 if turn.scenario.source == "model" else turn.output_tokens
    return {
        "input_tokens": into,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": out,
        "output_tokens_details": {"reasoning_tokens": len(turn.thinking)},
        "total_tokens": into + out,
    }


def response_events(turn: Turn) -> Iterator[dict[str, Any]]:
    """The stream of the same, numbered."""
    for number, event in enumerate(_events(turn)):
        yield event | {"sequence_number": number}


def _events(turn: Turn) -> Iterator[dict[str, Any]]:
    whole = response(turn)
    started = {**whole, "status": "in_progress", "error": None, "incomplete_details": None, "output": [], "usage": None}
    started.pop("content_filters", None)
    yield {"type": "response.created", "response": started}
    yield {"type": "response.in_progress", "response": started}
    for index, item in enumerate(whole["output"]):
        where = {"item_id": item["id"], "output_index": index}
        yield {"type": "response.output_item.added", "output_index": index, "item": _begun(item)}
        if item["type"] == "message":
            yield from _part_events(turn, {**where, "content_index": 0}, item["content"][0])
        elif item["type"] == "function_call":
            for piece in turn.arguments:
                yield {"type": "response.function_call_arguments.delta", **where, "delta": piece}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{whole['status']}", "response": whole}


def _begun(item: dict[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = {"content": []} if item["type"] == "message" else {"arguments": ""}
    return {**item, **empty, "status": "in_progress"} if "status" in item else item


def _part_events(turn: Turn, where: dict[str, Any], part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    kind, member = ("refusal", "refusal") if part["type"] == "refusal" else ("output_text", "text")
    more: dict[str, Any] = {} if kind == "refusal" else {"logprobs": []}
    yield {"type": "response.content_part.added", **where, "part": {**part, member: ""}}
    for piece in turn.text or [part[member]]:
        yield {"type": f"response.{kind}.delta", **where, "delta": piece, **more}
    yield {"type": f"response.{kind}.done", **where, member: part[member], **more}
    yield {"type": "response.content_part.done", **where, "part": part}
