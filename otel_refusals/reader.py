"""The one contract that a vendor implements, and the two ways to look inside a wire object.

A wire object is what the SDK hands over or what stands on the wire: a response, a stream event, an exception, as an SDK
model or as plain JSON. A reader folds the wire objects of one operation, in order, into an outcome.

The law of this module and of every reader: no I/O, no SDK, no OpenTelemetry, no async; nothing kept that grows with the
length of a stream.
"""

from __future__ import annotations

from typing import Any, Protocol

from otel_refusals.outcome import Outcome

NOTHING: frozenset[str] = frozenset()
MISSING = object()

MAX_TRACKED = 128
"""How many choices, hops or answers of one operation a reader tells apart; what a hostile server sends past it is not
kept. OpenAI's own limit on `n` is 128."""

MAX_NUMBER = 2**40
"""Numbers above it are no count of tokens: a counter that passes 64 bits fails every later export of the process."""

MAX_TEXT = 256
"""How many characters of a vendor's value (category, signal, id, model) are kept."""


class Reader(Protocol):
    """Folds the wire objects of one operation into an outcome."""

    skip: frozenset[str]
    """Event types (`event.type`) that cannot change the outcome any more. It grows while a stream is read, so that a
    text delta costs no more than one look-up."""

    decided: bool
    """Whether a terminal signal was read."""

    response_id: str | None
    response_model: str | None

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        """The vendor's own words for how each choice ended, as `gen_ai.response.finish_reasons` wants them."""
        ...

    def glance(self, item: Any, /) -> bool:
        """Whether a stream's `item` cannot change the outcome, by a quick look. Never raises. See `skip`, `never`."""
        ...

    def feed(self, wire: object, /) -> None:
        """Take in one wire object: a whole response, a stream event, an error body or an exception."""
        ...

    def outcome(self) -> Outcome | None:
        """The outcome so far; None while no terminal signal was read."""
        ...


def never(_: object, /) -> bool:
    """The glance of a reader that leaves events out by their type alone."""
    return False


def field(wire: Any, *path: str) -> Any:
    """The value at `path` inside mappings and SDK models alike; None where a level is missing, or raises.

    SDK models keep fields that they do not know too, so one reader serves every SDK version.
    """
    try:
        for name in path:
            wire = wire.get(name) if isinstance(wire, dict) else _attribute(wire, name)
            if wire is None:
                return None
    except Exception:  # a property or an object of the caller's own, in place of what the SDK makes
        return None
    return wire


def _attribute(wire: Any, name: str) -> Any:
    """An attribute of an SDK object; None for a missing one.

    Looked up where pydantic keeps it: for a field that a model lacks, its own attribute access takes microseconds.
    """
    own = getattr(wire, "__dict__", None)
    if own is None:
        return getattr(wire, name, None)
    value = own.get(name)
    if value is not None or name in own:
        return value
    extra: Any = getattr(wire, "__pydantic_extra__", MISSING)
    if extra is MISSING:
        return getattr(wire, name, None)
    return extra.get(name) if extra else None


def members(wire: Any) -> dict[str, Any]:
    """The members of JSON, or of an SDK's model but for those that it does not know.

    Raises:
        TypeError: of anything else.
    """
    return wire if isinstance(wire, dict) else vars(wire)


def text(wire: Any, *path: str) -> str | None:
    """The string at `path`, as `as_text` has it."""
    return as_text(field(wire, *path))


def as_text(value: object) -> str | None:
    """`value` as `short` makes it; None for an empty string and for anything else."""
    if not isinstance(value, str) or not value:
        return None
    return value if len(value) <= MAX_TEXT and value.isascii() else short(value)


def short(value: str) -> str:
    """`value` cut to `MAX_TEXT` characters, and of characters that can be sent.

    JSON can spell half of a surrogate pair, which no exporter can encode: the batch that holds one would be lost.
    """
    value = value[:MAX_TEXT]
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def number(wire: Any, *path: str) -> int | None:
    """The non-negative integer at `path`; None for anything else."""
    value = field(wire, *path)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_NUMBER else None


def items(wire: Any, *path: str) -> list[Any] | tuple[Any, ...]:
    """The list at `path`; empty for anything else."""
    value = field(wire, *path)
    return value if isinstance(value, (list, tuple)) else ()
