"""Our own failure is never the caller's: swallowed, counted, logged once per site at debug.

Only this project's own test suite makes it a raise, by setting `raise_failures`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

log = logging.getLogger("otel_refusals")

P = ParamSpec("P")

raise_failures = False

_seen: set[str] = set()
_counters: list[Callable[[str, str], None]] = []


def count_with(count: Callable[[str, str], None]) -> None:
    """Report failures to `count(vendor, error_type)` from now on."""
    _counters[:] = [count]


def swallow(error: Exception, site: str, vendor: str = "") -> None:
    """Keep `error` from the caller. Never raises, but under our own test suite."""
    if raise_failures:
        raise error
    try:
        for count in _counters:
            count(vendor, type(error).__name__)
    except Exception:
        log.debug("The failure counter failed", exc_info=True)
    if site not in _seen:
        _seen.add(site)
        log.debug("%s failed; the call itself is not affected", site, exc_info=error)


def never_fails(function: Callable[P, None]) -> Callable[P, None]:
    """A function whose exceptions are swallowed here and never reach its caller."""

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except Exception as error:
            swallow(error, function.__qualname__, getattr(args[0], "vendor_name", "") if args else "")

    return guarded
