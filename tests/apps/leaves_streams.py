"""An application that instruments itself before it sets OpenTelemetry up, and ends with three streams open."""

import anthropic
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import set_meter_provider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

import otel_refusals

otel_refusals.instrument()
set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())]))

claude = anthropic.Anthropic(api_key="key", max_retries=0)
messages = [{"role": "user", "content": "Please."}]
streams = [claude.messages.create(model="claude-x", max_tokens=64, messages=messages, stream=True) for _ in range(3)]
for stream in streams:
    next(iter(stream))
print("left", flush=True)
