"""Errors of Google's APIs: a status body on the wire, an exception of the SDK. None of the Gemini ones is a decline."""

from __future__ import annotations

from otel_refusals.reader import field, number, text


def is_error(wire: object) -> bool:
    """Whether `wire` is an exception of the SDK, or the body of an error answer or an error chunk."""
    if isinstance(wire, BaseException):
        return type(wire).__module__.startswith("google.genai")
    return number(wire, "error", "code") is not None and field(wire, "error", "message") is not None


def error_type(wire: object) -> str:
    """What the error is called: the exception's class, or the status, such as `RESOURCE_EXHAUSTED`."""
    if isinstance(wire, BaseException):
        return type(wire).__name__
    return text(wire, "error", "status") or str(number(wire, "error", "code"))
