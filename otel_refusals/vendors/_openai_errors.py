"""OpenAI and Azure OpenAI: declines that arrive as an error, and the filter results that name a category.

Codes: `openai.types.responses.ResponseError` 3.54, plus `cyber_policy`, `content_policy_violation`,
`moderation_blocked` and `content_filter`, which occur on the wire only. Filter results: Azure's content filtering
documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

from otel_refusals.outcome import Category, Errored, Refusal, Refused, Stage
from otel_refusals.reader import MAX_TRACKED, field, items, short, text

CONTENT_FILTER = "content_filter"

POLICY_CODES: dict[str, Category] = {
    CONTENT_FILTER: "unspecified",
    "content_policy_violation": "unspecified",
    "moderation_blocked": "unspecified",
    "invalid_prompt": "unspecified",
    "cyber_policy": "cyber",
    "bio_policy": "bio",
    "misalignment_policy_violation": "misalignment",
    "image_content_policy_violation": "image",
}
"""Error codes by which the vendor declines, each with its category."""

_NEW_POLICY_CODE = re.compile(r"_policy(_violation)?$")
"""A policy that the vendor adds tomorrow is a decline of a category that we do not know, not a mere error."""

_POLICY_WORDING = re.compile(r"flagged|usage polic|safety|violat", re.IGNORECASE)
"""`invalid_prompt` also means a malformed prompt; as an HTTP error only its wording tells which."""

_SAFETY_VIOLATIONS = re.compile(r"safety_violations=\[([^\[\]]*)\]")
"""Where an image error names its categories: inside the message. No bracket inside, so that a message which begins
the list again and again is searched once, and not once from each beginning."""

FILTER_CATEGORIES: dict[str, Category] = {
    "hate": "hate",
    "harassment": "harassment",
    "sexual": "sexual",
    "violence": "violence",
    "self_harm": "self_harm",
    "illicit": "dangerous",
    "jailbreak": "jailbreak",
    "indirect_attack": "jailbreak",
    "protected_material_text": "copyright",
    "protected_material_code": "copyright",
    "custom_blocklists": "blocklist",
    "profanity": "blocklist",
}
"""Azure's filter names and OpenAI's moderation categories (`hate/threatening` counts as `hate`)."""

_MAX_MESSAGE = 4096
"""Characters of a message that are looked at; a stream may ask for its outcome after every event."""

_SEVERITY = {"low": 1, "medium": 2, "high": 3}

Raw = dict[str, int]
"""Vendor category to severity, in the vendor's order."""


def filtered(results: object, before: Raw | None = None) -> Raw:
    """The categories that blocked: `filtered: true`. Severity or detection without it is only an annotation.

    Args:
        results: What the filter says.
        before: What it said earlier in the same answer; it is added to.
    """
    found: Raw = {} if before is None else before
    if not isinstance(results, dict):
        return found
    for name, result in islice(results.items(), MAX_TRACKED):
        entries: Iterable[Any] = result if isinstance(result, list) else (result,)
        if isinstance(name, str) and any(field(entry, "filtered") is True for entry in entries):
            if len(found) >= MAX_TRACKED and short(name) not in found:
                break
            found[short(name)] = _SEVERITY.get(text(result, "severity") or "", 0)
    return found


def category_of(raw: Raw) -> Category:
    """The category with the highest severity, else the first; `unspecified` for none."""
    if not raw:
        return "unspecified"
    name = max(raw, key=lambda name: raw[name])
    return FILTER_CATEGORIES.get(name.partition("/")[0].replace("-", "_"), "other")


def is_error_body(wire: object) -> bool:
    """Whether `wire` is the JSON body of an error, rather than a response that has an `error` member."""
    return isinstance(wire, dict) and bool(wire.get("error")) and "object" not in wire


def error_outcome(wire: object, *, content: bool) -> Refused | Errored:
    """What an exception of the SDK, an error body or an error event says: a decline, or a mere error.

    Args:
        wire: `exc`, `{"error": {...}}`, or an error object itself.
        content: Whether the model had produced content before.
    """
    error = field(wire, "body" if isinstance(wire, BaseException) else "error") or wire
    refusal = refusal_in(error, content=content)
    if refusal is not None:
        return refused_by_error(refusal)
    if isinstance(wire, BaseException):
        return Errored(type(wire).__name__)
    return Errored(text(error, "code") or text(error, "type") or "error")


def refused_by_error(refusal: Refusal, output_tokens: int | None = None, input_tokens: int | None = None) -> Refused:
    """An operation that an error ended: nothing is thrown away if the model had not started."""
    return Refused(
        refusals=(refusal,),
        discarded_input_tokens=input_tokens,
        discarded_output_tokens=0 if refusal.stage == "pre_output" else output_tokens,
    )


def refusal_in(error: object, *, content: bool, failed: bool = False) -> Refusal | None:
    """The decline that an error object holds; None for an ordinary error.

    Args:
        error: The error object, `code` at its top: `exc.body`, `response.error`, an event's `error`.
        content: Whether the model had produced content before.
        failed: Whether it stands in a failed response, where `invalid_prompt` always means a policy.
    """
    code = _code(error)
    category = POLICY_CODES.get(code)
    message = field(error, "message")
    message = message[:_MAX_MESSAGE] if isinstance(message, str) else ""
    if category is None:
        if not _NEW_POLICY_CODE.search(code):
            return None
        category = "other"
    elif code == "invalid_prompt" and not (failed or _POLICY_WORDING.search(message)):
        return None
    raw = _categories_in(error, message)
    return Refusal(
        category=category_of(raw) if raw else category,
        raw_categories=tuple(raw) or (code,),
        stage=_stage_in(error, content),
        source="classifier",
        signal=code,
        explanation=text(error, "misalignment", "detailed_explanation") or short(message) or None,
    )


def _code(error: object) -> str:
    """The error's code, with Azure's two older spellings of a filtered prompt brought to `content_filter`."""
    for inner in ("innererror", "inner_error"):
        if text(error, inner, "code") == "ResponsibleAIPolicyViolation":
            return text(error, "code") or CONTENT_FILTER
    code = text(error, "code") or text(error, "type") or ""
    return CONTENT_FILTER if code == "contentFilter" else code


def _categories_in(error: object, message: str) -> Raw:
    for inner in ("innererror", "inner_error"):
        for results in ("content_filter_result", "content_filter_results"):
            found = filtered(field(error, inner, results))
            if found:
                return found
    named = [name for name in items(error, "moderation_details", "categories") if isinstance(name, str)]
    if not named:
        # Only names that we know: a message may well quote the prompt, brackets and all.
        listed = [name.strip(" '\"") for found in _SAFETY_VIOLATIONS.findall(message) for name in found.split(",")]
        named = [name for name in listed if name.partition("/")[0].replace("-", "_") in FILTER_CATEGORIES]
    return {short(name): 0 for name in named[:MAX_TRACKED] if name}


def _stage_in(error: object, content: bool) -> Stage:
    moderated = text(error, "moderation_details", "moderation_stage")
    if moderated is not None:
        stages: dict[str, Stage] = {"input": "pre_output", "output": "mid_stream"}
        return stages.get(moderated, "unknown")
    return "mid_stream" if content else "pre_output"
