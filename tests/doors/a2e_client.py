"""A client as the authors of A2E published it: what it sends and expects, written from the protocol's description."""

import json
from typing import Any

import requests


class A2EClient:
    """Speaks to a server by `requests`, with a key in X-API-Key or a token in Authorization; raises on a bad status."""

    def __init__(self, base_url: str, api_key: str | None = None, token: str | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy of this machine
        if api_key:
            self.session.headers["X-API-Key"] = api_key
        elif token:
            self.session.headers["Authorization"] = f"Bearer {token}"

    def get_capabilities(self) -> dict[str, Any]:
        return self._call("GET", "/api/v1/capabilities")

    def validate_workflow(self, workflow: str) -> dict[str, Any]:
        return self._call("POST", "/api/v1/workflows/validate", json={"workflow": workflow})

    def execute_workflow(self, workflow: str, *, validate: bool = True) -> dict[str, Any]:
        return self._call("POST", "/api/v1/workflows/execute", json={"workflow": workflow, "validate": validate})

    def get_execution(self, execution_id: str) -> dict[str, Any]:
        return self._call("GET", f"/api/v1/executions/{execution_id}")

    def list_executions(self, limit: int = 100, status: str | None = None) -> dict[str, Any]:
        query: dict[str, str | int] = {"limit": limit} | ({"status": status} if status else {})
        return self._call("GET", "/api/v1/executions", params=query)

    def _call(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        answer = self.session.request(method, f"{self.base_url}{path}", timeout=30, **sent)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    def close(self) -> None:
        self.session.close()


def jsonl(*messages: Any) -> str:
    """Return messages one a line."""
    return "\n".join(json.dumps(message) for message in messages)


def nested(*operations: tuple[str, str, Any]) -> str:
    """Return a document in the dialect that the published code speaks."""
    listed = [{"id": name, "operation": {kind: config}} for name, kind, config in operations]
    return jsonl(
        {"operationUpdate": {"workflowId": "w-1", "operations": listed}},
        {"beginExecution": {"workflowId": "w-1", "root": operations[0][0]}},
    )


def flat(*operations: tuple[str, str, Any]) -> str:
    """Return a document in the dialect that the published specification defines."""
    updates = [
        {"type": "operationUpdate", "operationId": name, "operation": {kind: config}}
        for name, kind, config in operations
    ]
    order = [name for name, _, _ in operations]
    return jsonl(*updates, {"type": "beginExecution", "executionId": "e-1", "operationOrder": order})
