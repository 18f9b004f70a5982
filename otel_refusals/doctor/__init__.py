"""`otel-refusals doctor`: whether a refusal in this environment would be seen, and would arrive.

The law of this package: what can be tried is tried, in processes of their own that have a time limit and are set up as
`opentelemetry-instrument` sets up an application; what is only read from settings says so by naming the variable. It
imports no OpenTelemetry SDK and no vendor here, never prints a credential, and never fails because of what it finds.
"""
