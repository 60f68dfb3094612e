"""A server in a function: answers in order, and what was asked of it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from muelle_client import AsyncMuelle, Muelle, Retry

KEY = "mk_a-key-that-nobody-may-see"
URL = "http://muelle.test"
Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@dataclass
class Server:
    """Gives `answers` in order, the last one again and again; `asked` are the requests, `slept` the waits between."""

    answers: Sequence[Answer]
    asked: list[httpx.Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        response = answer if isinstance(answer, httpx.Response) else answer(request)
        return httpx.Response(response.status_code, headers=response.headers, content=response.content)

    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.asked]


def client(server: Server, retry: Retry | None = None) -> Muelle:
    retry = retry or Retry(chance=lambda: 1.0)
    return Muelle(URL, KEY, retry=retry, transport=httpx.MockTransport(server), sleep=server.slept.append)


def async_client(server: Server, retry: Retry | None = None) -> AsyncMuelle:
    async def sleep(seconds: float) -> None:
        server.slept.append(seconds)

    retry = retry or Retry(chance=lambda: 1.0)
    return AsyncMuelle(URL, KEY, retry=retry, transport=httpx.MockTransport(server), sleep=sleep)


def ok(value: Any) -> httpx.Response:
    return httpx.Response(200, json=value)


def problem(status: int, headers: Any = None, **members: Any) -> httpx.Response:
    content_type = {"Content-Type": "application/problem+json"}
    return httpx.Response(status, json=members, headers={**content_type, **(headers or {})})


ANSWER = {
    "status": "partial_success",
    "execution_id": "run_1",
    "workflow_id": "w",
    "duration_ms": 12.5,
    "results": {"a": [1, 2], "b": None},
    "operations": {
        "a": {"status": "success", "duration_ms": 3, "attempts": 2, "cached": True, "count": 2},
        "c": {
            "status": "failed",
            "duration_ms": 1,
            "attempts": 1,
            "error": {"code": "missing_data", "category": "data_error", "message": "No data", "recoverable": True},
        },
    },
    "data": {"a": [1, 2]},
}
