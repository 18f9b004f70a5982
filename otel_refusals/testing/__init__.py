"""The testing kit."""

from otel_refusals.testing.stub import Reply, Request, StubServer

__all__ = ["Reply", "Request", "StubServer"]
