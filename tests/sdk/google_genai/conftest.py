"""What the google-genai SDK itself warns of is not ours to fix."""

from __future__ import annotations

import pytest
from google import genai
from packaging.version import Version

IGNORED = [
    "ignore:.* is not a valid ",
    "ignore:Inheritance class Aiohttp",
    "ignore:Pydantic serializer warnings",
    "ignore:The generate_images method is deprecated",
]
if Version(genai.__version__) < Version("1.1"):  # it leaves its sockets to the garbage collector
    IGNORED += ["ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the SDK greet a new value of an enum, inherit from aiohttp's session, serialize a type, and deprecate."""
    for item in items:
        if "google_genai" in item.path.parts:
            for ignored in IGNORED:
                item.add_marker(pytest.mark.filterwarnings(ignored))
