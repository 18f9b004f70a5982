"""The demo's application: four jobs of an ordinary company, which call their models through the vendors' own SDKs.

Nothing in here knows of refusals or of the package that sees them. The one thing that it tells OpenTelemetry is the
name of the job, as an entry of the baggage.
"""
