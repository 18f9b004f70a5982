"""`otel-refusals stub`."""

from __future__ import annotations

from threading import Event

import click

from otel_refusals.testing.choice import HEADER, Chooser
from otel_refusals.testing.scenario import ScenarioError, scenario_from
from otel_refusals.testing.stub import StubServer

_CLIENTS = """\
  ANTHROPIC_BASE_URL={url}  OPENAI_BASE_URL={url}/v1  GOOGLE_GEMINI_BASE_URL={url}
  AWS_ENDPOINT_URL_BEDROCK_RUNTIME={url}  CO_API_URL={url}  Mistral(server_url="{url}")"""


@click.command()
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 for any free port.")
@click.option("--scenario", "otherwise", default="completed", show_default=True, help="What is played by default.")
@click.option("--odds", multiple=True, metavar="SCENARIO:PROBABILITY", help="How likely another one is; repeatable.")
@click.option("--seed", default=0, show_default=True, help="Of the chances, to repeat a run.")
@click.option("--pace", default=0.02, show_default=True, help="Seconds before each item of a stream.")
def stub(port: int, otherwise: str, odds: tuple[str, ...], seed: int, pace: float) -> None:
    """A vendor endpoint on this machine that refuses on demand, on the wire of every vendor.

    A scenario is an outcome or a way of being refused, with settings: "mid_stream_text, category=bio, after_tokens=40".
    A request chooses its own by the header x-refusal-scenario, or by the model's name: claude-opus-5@pre_output.
    """
    try:
        chooser = Chooser(_odds(odds), seed=seed, otherwise=scenario_from(otherwise), pace=pace)
        server = StubServer(chooser, port)
    except ScenarioError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.UsageError(f"port {port}: {error.strerror}") from None
    with server:
        click.echo(f"Listening on {server.url}; end with Ctrl-C. Header: {HEADER}")
        click.echo(_CLIENTS.format(url=server.url))
        try:
            Event().wait()
        except KeyboardInterrupt:
            click.echo(f"\n{server.answered} requests answered.")


def _odds(spelled: tuple[str, ...]) -> dict[str, float]:
    odds: dict[str, float] = {}
    for one in spelled:
        name, _, likely = one.rpartition(":")
        try:
            odds[name] = float(likely)
        except ValueError:
            raise ScenarioError(f"--odds {one!r} is not of the form SCENARIO:PROBABILITY") from None
    return odds
