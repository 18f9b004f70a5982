"""Flask: the rule is the workload, `/tickets/:ticket_id`, unless the application names another.

pip install 'otel-refusals[anthropic,otlp]' flask
opentelemetry-instrument flask --app flask_app run
"""

from __future__ import annotations

from collections.abc import Iterator

from anthropic import Anthropic
from flask import Flask

from otel_refusals import workload
from otel_refusals.web import WSGIRouteWorkload

app = Flask(__name__)
app.wsgi_app = WSGIRouteWorkload(app.wsgi_app)  # type: ignore[method-assign]


@app.get("/tickets/<int:ticket_id>/answer")
def answer(ticket_id: int) -> str:
    """A workload of its own, and nothing to write for it."""
    return _ask(f"Answer ticket {ticket_id}.")


@app.get("/tickets/<int:ticket_id>/answer/live")
def live(ticket_id: int) -> Iterator[str]:
    """A response that is made while it is sent belongs to its route, too."""
    yield _ask(f"Answer ticket {ticket_id}.")


@app.get("/tickets/<int:ticket_id>/triage")
@workload("triage")
def triage(ticket_id: int) -> str:
    """The name that is given wins."""
    return _ask(f"How urgent is ticket {ticket_id}?")


def _ask(question: str) -> str:
    with Anthropic() as claude:
        message = claude.messages.create(
            model="claude-opus-4-8", max_tokens=512, messages=[{"role": "user", "content": question}]
        )
    return message.stop_reason or ""
