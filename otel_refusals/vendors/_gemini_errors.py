"""Errors of Google's APIs: a status body on the wire, an exception of the SDK, the error of a long-running operation.

Most are no decline. A prompt for an image or a video is: it is refused by an error whose message carries the support
code of a safety filter, or names the usage guidelines. The codes are those of Google's tables of safety filter codes
for Imagen and Veo, which also say whether it was the prompt or the output that was filtered.
"""

from __future__ import annotations

import re
from dataclasses import replace

from otel_refusals.outcome import Category, Errored, Refusal, Refused, Stage
from otel_refusals.reader import MAX_TRACKED, field, number, short, text
from otel_refusals.vendors._gemini_reasons import DECLINES, refusal

SUPPORT_CODES: dict[str, tuple[Category, Stage]] = {
    "58061214": ("other", "pre_output"),
    "17301594": ("other", "mid_stream"),
    "29310472": ("other", "pre_output"),
    "15236754": ("other", "mid_stream"),
    "62263041": ("dangerous", "pre_output"),
    "57734940": ("hate", "pre_output"),
    "22137204": ("hate", "mid_stream"),
    "42876398": ("unspecified", "pre_output"),
    "29578790": ("unspecified", "mid_stream"),
    "74803281": ("unspecified", "mid_stream"),
    "39322892": ("other", "mid_stream"),
    "92201652": ("privacy", "pre_output"),
    "89371032": ("prohibited_content", "pre_output"),
    "49114662": ("prohibited_content", "mid_stream"),
    "72817394": ("prohibited_content", "mid_stream"),
    "90789179": ("sexual", "pre_output"),
    "63429089": ("sexual", "mid_stream"),
    "43188360": ("sexual", "mid_stream"),
    "78610348": ("harassment", "pre_output"),
    "61493863": ("violence", "pre_output"),
    "56562880": ("violence", "mid_stream"),
    "32635315": ("other", "pre_output"),
    "64151117": ("unspecified", "unknown"),
    "42237218": ("unspecified", "unknown"),
}
"""Support code to category and stage; children, celebrities, faces and vulgar words have no category of their own."""

_CODES = re.compile(r"[Ss]upport codes?:?((?:[\s,:]*\d{8})+)")
_POLICY_WORDING = re.compile(r"usage guidelines|Responsible AI", re.IGNORECASE)
_BAD_REQUEST = frozenset({400, 3})
"""HTTP's and gRPC's code of an invalid argument."""


def is_error(wire: object) -> bool:
    """Whether `wire` is an exception of the SDK, or the body of an error answer or an error chunk."""
    if isinstance(wire, BaseException):
        return type(wire).__module__.startswith("google.genai")
    return number(wire, "error", "code") is not None and field(wire, "error", "message") is not None


def error_outcome(wire: object, *, content: bool = False) -> Refused | Errored:
    """What an exception of the SDK, an error body or an `error` object says: a decline, or a mere error."""
    error = field(wire, "error") or wire
    message = field(error, "message")
    message = message if isinstance(message, str) else ""
    if number(error, "code") in _BAD_REQUEST and (_CODES.search(message) or _POLICY_WORDING.search(message)):
        declined = filtered(message, "INVALID_ARGUMENT")
        stage: Stage = "pre_output" if declined.stage == "unknown" else declined.stage
        return Refused(
            refusals=(replace(declined, stage=stage),), discarded_output_tokens=0 if stage == "pre_output" else None
        )
    code = (text(error, "code") or "").upper()
    if code in DECLINES:  # the error of an interaction
        stage = "mid_stream" if content else "pre_output"
        declined = refusal(text(error, "code") or code, stage=stage, explanation=short(message) or None)
        return Refused(refusals=(declined,), discarded_output_tokens=None if content else 0)
    if isinstance(wire, BaseException):
        return Errored(type(wire).__name__)
    return Errored(text(error, "status") or text(error, "code") or str(number(error, "code") or "error"))


def filtered(reason: str, signal: str) -> Refusal:
    """The decline of one image or video for `reason`, whose category stands in its support codes."""
    listed = _CODES.search(reason)
    codes = re.findall(r"\d{8}", listed.group(1))[:MAX_TRACKED] if listed else []
    known = [SUPPORT_CODES.get(code, ("other", "unknown")) for code in codes]
    category, stage = known[0] if known else ("unspecified", "unknown")
    return Refusal(
        category=category,
        raw_categories=tuple(codes),
        stage=stage,
        source="classifier",
        signal=signal,
        explanation=short(reason) or None,
    )
