"""What differs between the versions of the SDKs that are measured."""

from __future__ import annotations

from typing import Any

import anthropic._base_client

_core: Any = anthropic._base_client

httpx: Any = getattr(_core, "httpx2", None) or _core.httpx
"""The HTTP library of the SDKs: httpx2, or httpx under the older ones."""

HAS_NATIVE_SPANS = hasattr(_core, "finish_api_call_span")
"""Whether the anthropic SDK makes spans of its own."""
