"""Where the outcome that an application asks for comes from: what the instrumentation saw of the same response.

An application reads its own response with `outcome_of`, and knows neither the requested model nor the workload of the
call. The report of the operation remembers them here, by the vendor's id of the response or by the exception.

The law of this module: bounded, without a lock (the garbage collector may have an operation reported in the middle of
another, and a fork would leave a lock held), and nothing here keeps an exception alive.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from weakref import WeakKeyDictionary

from otel_refusals.outcome import Origin

_LIMIT = 10_000

_by_id: OrderedDict[str, Origin] = OrderedDict()
_by_error: WeakKeyDictionary[BaseException, Origin] = WeakKeyDictionary()


def remember(origin: Origin, error: BaseException | None = None) -> None:
    """Keep `origin` under its response id, and under the exception that the caller got."""
    if error is not None:
        with suppress(TypeError):  # an exception of a kind that cannot be referred to weakly
            _by_error[error] = origin
    if origin.response_id is not None:
        with suppress(KeyError):  # another thread may have taken it out already
            _by_id[origin.response_id] = origin
            _by_id.move_to_end(origin.response_id)
            if len(_by_id) > _LIMIT:
                _by_id.popitem(last=False)


def origin_of(response: object, response_id: str | None) -> Origin | None:
    """What was seen of `response`; None for one that nobody saw."""
    if isinstance(response, BaseException):
        with suppress(TypeError):
            found = _by_error.get(response)
            if found is not None:
                return found
    return None if response_id is None else _by_id.get(response_id)
