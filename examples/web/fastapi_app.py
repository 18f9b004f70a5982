"""FastAPI (and Starlette): the route is the workload, `/tickets/:ticket_id`, unless the application names another.

pip install 'otel-refusals[anthropic,otlp]' fastapi uvicorn
opentelemetry-instrument uvicorn fastapi_app:app
"""

from __future__ import annotations

from anthropic import AsyncAnthropic
from fastapi import FastAPI

from otel_refusals import workload
from otel_refusals.web import ASGIRouteWorkload

app = FastAPI()
app.add_middleware(ASGIRouteWorkload)


@app.get("/tickets/{ticket_id:int}/answer")
async def answer(ticket_id: int) -> str:
    """A workload of its own, and nothing to write for it."""
    return await _ask(f"Answer ticket {ticket_id}.")


@app.get("/tickets/{ticket_id:int}/triage")
@workload("triage")
async def triage(ticket_id: int) -> str:
    """The name that is given wins."""
    return await _ask(f"How urgent is ticket {ticket_id}?")


async def _ask(question: str) -> str:
    async with AsyncAnthropic() as claude:
        message = await claude.messages.create(
            model="claude-opus-4-8", max_tokens=512, messages=[{"role": "user", "content": question}]
        )
    return message.stop_reason or ""
