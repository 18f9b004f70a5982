"""The pytest plugin, in a pytest of its own that finds it by its entry point."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def run(tmp_path: Path) -> object:
    """Runs a test file, and returns what pytest says."""

    def start(source: str, *arguments: str) -> str:
        (tmp_path / "test_it.py").write_text(source)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", os.devnull, "-q", *arguments]
        ran = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, timeout=120, cwd=tmp_path)
        return ran.stdout + ran.stderr

    return start


def test_it_costs_nothing_when_it_is_not_used(run) -> None:
    """No vendor's SDK, no HTTP library and nothing of OpenTelemetry is imported at the start of pytest."""
    said = run(
        "import sys\n"
        "HEAVY = ('anthropic', 'openai', 'google.genai', 'botocore', 'mistralai', 'cohere', 'opentelemetry', 'wrapt', "
        "'httpx', 'httpx2', 'aiohttp', 'requests', 'http.server', 'otel_refusals.testing.injection')\n"
        "def test_nothing():\n"
        "    assert 'otel_refusals.testing.pytest_plugin' in sys.modules\n"
        "    assert [] == [name for name in HEAVY if name in sys.modules]\n"
        "    assert ['_version', 'testing', 'testing.pytest_plugin'] == sorted(\n"
        "        name.partition('.')[2] for name in sys.modules if name.startswith('otel_refusals.'))\n"
    )

    assert "1 passed" in said, said


def test_the_marker_is_one_test_per_vendor_and_way(run) -> None:
    """Named after them."""
    said = run(
        "import pytest\n"
        "@pytest.mark.refusals(vendor=('anthropic', 'cohere'), ways=['pre_output', 'mid_stream_text'])\n"
        "def test_it(refusal_scenario): pass\n",
        "--collect-only",
    )

    for name in ("anthropic-pre_output", "anthropic-mid_stream_text", "cohere-pre_output", "cohere-mid_stream_text"):
        assert f"test_it[{name}]" in said, said


def test_a_test_that_makes_no_call_fails(run) -> None:
    """It would pass whatever the application does."""
    said = run("import pytest\n@pytest.mark.refusals(vendor='anthropic', ways=['pre_output'])\ndef test_it(): pass\n")

    assert "no call went through the SDK anthropic" in said
    assert "1 passed, 1 error" in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("vendor='claude'", "vendor='claude': not one of anthropic, openai"),
        ("vendor='cohere', ways=['rescued']", "'rescued' is no way of being refused by cohere"),
        ("'anthropic', others='drop'", "others='drop': not one of block, pass, answer"),
        ("", "missing 1 required positional argument: 'vendor'"),
    ],
)
def test_a_marker_that_cannot_be_is_told(arguments: str, told: str, run) -> None:
    """When the tests are collected, with the name of the test."""
    said = run(f"import pytest\n@pytest.mark.refusals({arguments})\ndef test_it(): pass\n")

    assert told in said
    assert "test_it.py::test_it" in said


def test_the_fixtures_work_together(run) -> None:
    """A recorder, an injection until the end of the test, and a stub."""
    said = run(
        "import anthropic\n"
        "ASK = dict(model='m', max_tokens=9, messages=[{'role': 'user', 'content': 'x'}])\n"
        "def test_injected(refusals, inject_refusal):\n"
        "    inject_refusal('anthropic', category=None)\n"
        "    assert anthropic.Anthropic().messages.create(**ASK).stop_reason == 'refusal'\n"
        "    refusals.assert_one(category='unspecified')\n"
        "def test_stub(refusals, refusal_stub):\n"
        "    client = anthropic.Anthropic(api_key='k', base_url=refusal_stub.url)\n"
        "    client.messages.create(**{**ASK, 'model': 'claude@mid_stream_text, category=bio, after_tokens=7'})\n"
        "    refusals.assert_one(category='bio', stage='mid_stream', discarded_output_tokens=7)\n"
        "def test_misused(refusal_scenario): pass\n"
    )

    assert "2 passed, 1 error" in said, said
    assert "refusal_scenario is for tests with @pytest.mark.refusals(vendor=...)" in said
