"""By what the HTTP libraries and the SDKs say that a connection broke."""

from __future__ import annotations

_NAMES = frozenset(
    {
        *("TransportError", "APIConnectionError", "StreamError", "OSError"),
        *("ProtocolError", "ReadTimeoutError", "ClientPayloadError", "ClientConnectionError"),  # urllib3, aiohttp
    }
)
"""Class names, anywhere in the bases of an exception: none of these packages is imported."""


def is_cut(error: BaseException) -> bool:
    """Whether `error` says nothing but that the connection broke."""
    return any(base.__name__ in _NAMES for base in type(error).__mro__)
