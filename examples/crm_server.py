"""A small CRM for the example crm-follow-up: it wants a bearer token and keeps tasks in memory.

python examples/crm_server.py --port 8099 --token a-token-of-your-choice
"""

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

CONTACTS = [
    {"id": 1, "name": "Lucía", "days_quiet": 45},
    {"id": 2, "name": "Diego", "days_quiet": 3},
    {"id": 3, "name": "Sofía", "days_quiet": 90},
]


class Crm(BaseHTTPRequestHandler):
    """`GET /contacts` lists contacts, `POST /contacts/{id}/tasks` adds a task."""

    token: ClassVar[str] = ""
    tasks: ClassVar[list[dict[str, Any]]] = []

    def do_GET(self) -> None:
        """List contacts."""
        if self.path.partition("?")[0] == "/contacts":
            self._answer(200, CONTACTS)
        else:
            self._answer(404, {"error": "no such path"})

    def do_POST(self) -> None:
        """Add a task to a contact."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        task = {"id": len(self.tasks) + 1, "contact": int(self.path.split("/")[2]), "text": body["text"]}
        self.tasks.append(task)
        self._answer(201, task)

    def _answer(self, status: int, body: object) -> None:
        if self.headers.get("Authorization") != f"Bearer {self.token}":
            status, body = 401, {"error": "a bearer token is needed"}
        encoded = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class has
        """Say nothing."""


def main() -> None:
    """Serve until interrupted; print the address first."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=8099, help="0 takes a free one")
    options.add_argument("--token", required=True)
    given = options.parse_args()
    Crm.token = given.token
    with ThreadingHTTPServer(("127.0.0.1", given.port), Crm) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201 - whoever started it waits for this
        server.serve_forever()


if __name__ == "__main__":
    main()
