"""Configuration: argument over environment over default, and each bad value an error that names it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest

import otel_refusals
from otel_refusals import ConfigurationError
from otel_refusals.config import LabelCaps, configure
from otel_refusals.instrumentor import AnthropicRefusalsInstrumentor
from otel_refusals.testing import StubServer
from otel_refusals.vendors import VENDORS
from tests.drivers import ARGUMENTS
from tests.fixtures import fixture
from tests.telemetry import Recorded

VENDOR_NAMES = {vendor.name for vendor in VENDORS}
REFUSED = fixture("anthropic/refusal_pre_output_cyber.json").reply


def test_the_defaults_are_those_of_the_contract() -> None:
    """Every vendor, spans where needed, nothing captured."""
    config = configure(environ={})

    assert VENDOR_NAMES == config.vendors
    assert ("auto", "unspecified", None, False) == (
        config.spans,
        config.workload,
        config.stop_reasons,
        config.capture_explanation,
    )
    assert LabelCaps(models=200, workloads=200, signals=50) == config.max_label_values


def test_the_environment_is_read() -> None:
    """Every variable, in its own form."""
    config = configure(
        environ={
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "flask, refusals_openai",
            "OTEL_REFUSALS_SPANS": " all ",
            "OTEL_REFUSALS_WORKLOAD": "batch",
            "OTEL_REFUSALS_STOP_REASONS": "gcp.gemini:OTHER=completed, anthropic:new_value=paused,",
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_AND_EVENT",
            "OTEL_REFUSALS_MAX_LABEL_VALUES": "models=500, signals=9",
        }
    )

    assert VENDOR_NAMES - {"openai"} == config.vendors
    assert ("all", "batch", True) == (config.spans, config.workload, config.capture_explanation)
    assert {("gcp.gemini", "OTHER"): "completed", ("anthropic", "new_value"): "paused"} == config.stop_reasons
    assert LabelCaps(models=500, workloads=200, signals=9) == config.max_label_values


def test_an_argument_wins_over_the_environment() -> None:
    """Also where the variable holds something bad."""
    environ = {
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*",
        "OTEL_REFUSALS_SPANS": "bogus",
        "OTEL_REFUSALS_MAX_LABEL_VALUES": "bogus",
    }

    config = configure(vendors=["openai"], spans="off", max_label_values=7, environ=environ)

    assert ({"openai"}, "off", LabelCaps(7, 7, 7)) == (config.vendors, config.spans, config.max_label_values)


def test_one_number_in_the_environment_is_the_cap_of_all() -> None:
    """The short form."""
    assert LabelCaps(30, 30, 30) == configure(environ={"OTEL_REFUSALS_MAX_LABEL_VALUES": "30"}).max_label_values


def test_a_star_disables_every_vendor() -> None:
    """As it disables every other instrumentation."""
    assert frozenset() == configure(environ={"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}).vendors


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vendors": ["anthropic", "openia"]}, f"vendors: 'openia' is not one of {', '.join(sorted(VENDOR_NAMES))}"),
        ({"vendors": "openai"}, "vendors='openai': give a list"),
        ({"spans": "some"}, "spans='some': not one of auto, all, off"),
        ({"workload": ""}, "workload='': a workload is a non-empty string"),
        ({"workload": 7}, "workload=7"),
        ({"stop_reasons": "a=b"}, "stop_reasons: 'a' is not of the form provider:stop_reason"),
        ({"stop_reasons": "novel"}, "stop_reasons: 'novel' is not of the form provider:stop_reason=outcome"),
        ({"stop_reasons": "a:b=rescued"}, "stop_reasons: 'rescued' for 'a:b' is not one of completed"),
        ({"stop_reasons": {"a:": "paused"}}, "stop_reasons: 'a:'"),
        ({"capture_explanation": "maybe"}, "capture_explanation='maybe': not one of"),
        ({"max_label_values": 0}, "max_label_values: 0 for models is not a positive whole number"),
        ({"max_label_values": {"colours": 3}}, "max_label_values: 'colours' is not one of models, workloads, signals"),
        ({"max_label_values": True}, "max_label_values: True"),
        ({"environ": {"OTEL_REFUSALS_SPANS": "some"}}, "OTEL_REFUSALS_SPANS='some'"),
        ({"environ": {"OTEL_REFUSALS_STOP_REASONS": "x"}}, "OTEL_REFUSALS_STOP_REASONS: 'x'"),
        ({"environ": {"OTEL_REFUSALS_MAX_LABEL_VALUES": "many"}}, "OTEL_REFUSALS_MAX_LABEL_VALUES: 'many'"),
        ({"stop_reasons": 3}, "stop_reasons=3: give a mapping"),
        ({"stop_reasons": {("openai", "x"): "paused"}}, "stop_reasons: \"('openai', 'x')\""),
        ({"capture_explanation": 3}, "capture_explanation=3: not one of"),
    ],
)
def test_a_bad_value_is_an_error_that_names_it(settings: dict[str, Any], message: str) -> None:
    """Where it comes from, the value, and what would be right."""
    with pytest.raises(ConfigurationError) as raised:
        configure(**{"environ": {}, **settings})

    assert message in str(raised.value)


def test_another_packages_word_in_the_shared_variable_captures_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The capture variable belongs to all GenAI instrumentations: ours warns, and stays off."""
    variable = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
    with caplog.at_level(logging.WARNING, "otel_refusals"):
        config = configure(environ={variable: "perhaps"})

    assert not config.capture_explanation
    assert f"{variable}='perhaps'" in caplog.text


def test_a_bad_value_does_not_stop_the_loader(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What `opentelemetry-instrument` starts goes on with the other instrumentations; ours says why it does not."""
    monkeypatch.setenv("OTEL_REFUSALS_SPANS", "bogus")
    instrumentor = AnthropicRefusalsInstrumentor()
    instrumentor.instrument(skip_dep_check=True)
    instrumentor.uninstrument()

    assert "anthropic is not instrumented: OTEL_REFUSALS_SPANS='bogus'" in caplog.text


def test_a_bad_value_patches_nothing(claude: anthropic.Anthropic) -> None:
    """`instrument()` raises before it touches an SDK."""
    before = vars(anthropic._base_client.SyncAPIClient)["request"]
    with pytest.raises(ConfigurationError):
        otel_refusals.instrument(spans="some")

    assert before is vars(anthropic._base_client.SyncAPIClient)["request"]


def test_a_disabled_opentelemetry_sdk_disables_us(
    instrument: Callable[..., Recorded],
    claude: anthropic.Anthropic,
    vendor: StubServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`OTEL_SDK_DISABLED=true` means nothing is patched."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "TRUE")
    recorded = instrument()
    vendor.queue(REFUSED)
    claude.messages.create(**ARGUMENTS["messages"])

    assert {} == recorded.outcomes


def test_vendors_that_are_instrumented_one_by_one_share_their_bounds(
    instrument: Callable[..., Recorded], claude: anthropic.Anthropic, gpt: openai.OpenAI, vendor: StubServer
) -> None:
    """As the entry points do it: a cap is one of the process, not one of each vendor."""
    recorded = instrument(vendors=["anthropic"], max_label_values=1)
    otel_refusals.instrument(
        vendors=["openai"],
        max_label_values=1,
        tracer_provider=recorded.tracer_provider,
        meter_provider=recorded.meter_provider,
        logger_provider=recorded.logger_provider,
    )
    vendor.queue(REFUSED, fixture("openai/chat_refusal.json").reply)
    claude.messages.create(**ARGUMENTS["messages"])
    gpt.chat.completions.create(**{**ARGUMENTS["chat"], "model": "another-model"})

    assert {"asked-model": 1, "_OTHER": 1} == recorded.sums("refusal.client.operations", "gen_ai.request.model")


def test_only_the_chosen_vendors_are_instrumented(
    instrument: Callable[..., Recorded], claude: anthropic.Anthropic, vendor: StubServer
) -> None:
    """The others stay as they are, and can be added and removed later."""
    recorded = instrument(vendors=["openai"])
    vendor.queue(REFUSED, REFUSED, REFUSED)
    claude.messages.create(**ARGUMENTS["messages"])
    assert {} == recorded.outcomes
    recorded = instrument(vendors=["anthropic"])
    claude.messages.create(**ARGUMENTS["messages"])
    otel_refusals.uninstrument(["anthropic", "never-was"])
    claude.messages.create(**ARGUMENTS["messages"])

    assert {"refused": 1} == recorded.outcomes
