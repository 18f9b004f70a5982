"""A service that handles refusals by policy: `POST /` with `{"question": ...}` answers `{"answer": ...}`.

pip install 'otel-refusals[anthropic,otlp,policy]'
opentelemetry-instrument python service.py 8000
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from anthropic import Anthropic
from anthropic_by_policy import ask

from otel_refusals import workload

claude = Anthropic()


class Service(BaseHTTPRequestHandler):
    """Answers questions of the security team."""

    @workload("security-review")
    def do_POST(self) -> None:
        """Ask the model, by policy."""
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["question"]
        answer = json.dumps({"answer": ask(claude, question)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service) as server:
        server.serve_forever()
