"""The vendors whose source distributions hold tests, and how these are run without a network.

Not here: cohere and litellm, whose source distributions hold none. What most of `tests/api_resources` in those of
anthropic and openai wants is a server made from the vendor's OpenAPI description, which is not in them either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Suite:
    """The tests of one SDK.

    Args:
        name: The SDK's distribution.
        tests: Where they are, in the source.
        left_out: Tests that cannot pass here: they want a network, or a server that is not to be had.
        answered: Those among `left_out` whose requests the stub of the testing kit answers, so that they can.
        slice: The tests that drive clients, streams and helpers, for a run of a minute or two; none that waits for the
            clock, which a busy machine fails.
        extras: Of the SDK, to install; every one by default.
        group: The dependency group with what the tests need, where the SDK declares one.
        needs: What they need beyond that.
        environment: Variables for every run, the plain one too.
        by_design: Tests that forbid what an instrumentation is for, each with the reason.
        oldest: The oldest supported version, if its tests are run too.
        oldest_needs: What that one needs of its own time.
    """

    name: str
    tests: tuple[str, ...] = ("tests",)
    left_out: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()
    slice: tuple[str, ...] = ()
    extras: tuple[str, ...] | None = None
    group: str = "dev"
    needs: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    by_design: Mapping[str, str] = field(default_factory=dict)
    oldest: str = ""
    oldest_needs: tuple[str, ...] = ()


SUITES = (
    Suite(
        "anthropic",
        left_out=("tests/api_resources",),
        answered=("tests/api_resources/test_messages.py", "tests/api_resources/beta/test_messages.py"),
        slice=(
            "tests/api_resources/test_messages.py",
            "tests/lib/streaming",
            "tests/lib/test_refusal_fallback.py",
            "tests/lib/test_refusal_fallback_streaming.py",
            "tests/test_client.py",
            "tests/test_middleware.py",
            "tests/test_open_telemetry.py",
            "tests/test_response.py",
            "tests/test_streaming.py",
        ),
        # One of its tests forbids everybody in the process to ask OpenTelemetry for the current span, as long as the
        # SDK makes no spans. OpenTelemetry itself does so to make a span of every operation's.
        environment={"OTEL_REFUSALS_SPANS": "auto"},
        by_design={
            "test_unary_attributes": "wants that nobody writes on the SDK's own span; the instrumentation does",
        },
        oldest="0.51.0",
    ),
    Suite(
        "openai",
        left_out=("tests/api_resources",),
        answered=(
            "tests/api_resources/chat/test_completions.py",
            "tests/api_resources/test_completions.py",
            "tests/api_resources/test_decisions.py",
            "tests/api_resources/test_images.py",
            "tests/api_resources/test_responses.py",
        ),
        slice=(
            "tests/api_resources/chat/test_completions.py",
            "tests/api_resources/test_responses.py",
            "tests/lib/chat",
            "tests/lib/responses/test_refusal_normal_lifecycle.py",
            "tests/lib/responses/test_responses.py",
            "tests/lib/streaming",
            "tests/lib/test_azure.py",
            "tests/lib/test_responses_tool_runner.py",
            "tests/lib/test_streaming_deltas.py",
            "tests/test_client.py",
            "tests/test_legacy_response.py",
            "tests/test_response.py",
            "tests/test_streaming.py",
        ),
        oldest="1.40.0",
        # An argument that newer httpx lacks; one event loop for all tests, which newer pytest-asyncio lacks.
        oldest_needs=("httpx<0.28", "pytest<8", "pytest-asyncio<0.22"),
    ),
    Suite(
        "google-genai",
        tests=("google/genai/tests",),
        extras=("aiohttp", "httpx"),
        group="",
        needs=("mcp", "pillow", "pytest-asyncio", "sentencepiece"),
        # Its recorded answers are not in the source, so what replays them fails; the rest wants a key, but any will do.
        environment={"GOOGLE_API_KEY": "key"},
    ),
    Suite(
        "mistralai",
        tests=("src/mistralai/extra/tests",),
        extras=(
            "agents",
            "mcp",
            "realtime",
            "telemetry",
            "workflow_payload_encryption",
            "workflow_payload_compression",
        ),
    ),
    Suite("botocore", tests=("tests/unit", "tests/functional"), group="", needs=("jsonschema", "pytest-cov")),
    Suite("aiobotocore", extras=("httpx2",), group="test"),
)
