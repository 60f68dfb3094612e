"""What a principal may use, told in A2E's shape so that a model can compose documents from it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from muelle.egress import Api, Apis, Credential, Credentials
from muelle.identity import Page, Principal
from muelle.workflows.planner import Planner
from muelle.workflows.service import Workflows

T = TypeVar("T")
_PAGE = 100
_MOST_PAGES = 20  # of each kind: past that a catalogue is to be searched, not told


class Capabilities:
    """Tells what there is, as far as the principal's grants reach."""

    def __init__(self, workflows: Workflows, planner: Planner, apis: Apis, credentials: Credentials) -> None:
        self._workflows = workflows
        self._planner = planner
        self._apis = apis
        self._credentials = credentials

    async def of(self, principal: Principal) -> dict[str, Any]:
        """Return the capabilities of a principal."""
        limits = self._workflows.limits(principal)
        types = self._planner.catalogue.types
        return {
            "agent_id": principal.id,
            "agent_name": principal.name,
            "capabilities": {
                "availableApis": {api.id: _api(api) async for api in _all(self._apis.list, principal)},
                "availableCredentials": [
                    _credential(credential) async for credential in _all(self._credentials.list, principal)
                ],
                "supportedOperations": [name for name in types if principal.may(types[name].permission, name)],
                "knowledgeBases": [],
                "sqlQueriesAvailable": False,
                "securityConstraints": {
                    "maxExecutionTime": int(limits.run_seconds * 1000),
                    "maxOperations": limits.operations,
                },
            },
        }


async def _all(
    page_of: Callable[[Principal, int, str | None], Awaitable[Page[T]]], principal: Principal
) -> AsyncIterator[T]:
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await page_of(principal, _PAGE, cursor)
        for item in page.items:
            yield item
        cursor = page.next
        if cursor is None:
            return


def _api(api: Api) -> dict[str, Any]:
    return {
        "baseUrl": api.base_url,
        "description": api.description,
        "endpoints": [
            {
                "path": endpoint.path,
                "method": endpoint.method,
                "description": endpoint.description,
                "parameters": list(endpoint.parameters),
            }
            for endpoint in api.endpoints
        ],
    }


def _credential(credential: Credential) -> dict[str, Any]:
    return {
        "id": credential.id,
        "type": credential.type,
        "metadata": dict(credential.metadata),
        "description": credential.description,
        "usage": credential.usage,
    }
