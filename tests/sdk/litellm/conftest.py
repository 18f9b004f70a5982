"""LiteLLM as it is used, without the list of prices that it fetches on import; it warns of much, at any time."""

from __future__ import annotations

import os

import pytest

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave LiteLLM's own warnings to its makers: of open sessions, tasks never awaited, pydantic's serializer."""
    for item in items:
        if "litellm" in item.path.parts:
            item.add_marker(pytest.mark.filterwarnings("ignore"))
