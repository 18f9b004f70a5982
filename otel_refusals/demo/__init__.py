"""`otel-refusals demo`: an application, a vendor and a receiver of OTLP on one machine, without a key or a container.

`app` is the application: it knows nothing of this package. `endpoint` is the vendor, which says what `script` tells it
in the true wires of the testing kit. `run` starts them all, `figures` computes from the OTLP that
arrived, and `screen` shows it.
"""
