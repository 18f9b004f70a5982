"""What the google-genai SDK itself warns of is not ours to fix."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the SDK greet a new value of an enum, inherit from aiohttp's session, and serialize a schema's type."""
    for item in items:
        if "google_genai" in item.path.parts:
            item.add_marker(pytest.mark.filterwarnings("ignore:.* is not a valid "))
            item.add_marker(pytest.mark.filterwarnings("ignore:Inheritance class Aiohttp"))
            item.add_marker(pytest.mark.filterwarnings("ignore:Pydantic serializer warnings"))
