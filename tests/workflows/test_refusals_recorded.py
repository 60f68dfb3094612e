"""The audit record says of a refusal which act on which thing was refused, in the words of the grants."""

import pytest

from muelle.core import Forbidden
from muelle.identity import AuditFilter, Principal, Rule, Rules
from workflows.runs_world import World, document, op

CALL = {"method": "GET", "outputPath": "/workflow/x"}


async def refused_acts(world: World) -> list[tuple[str, str, str]]:
    page = await world.app.stores.trail.page(world.me.tenant, AuditFilter(decision="refused"))
    return sorted((act.action, act.resource, act.detail) for act in page.items)


async def test_a_refused_document_is_recorded_by_the_grants_that_it_lacks(world: World) -> None:
    me = world.me
    nobody = Principal(id=me.id, kind="agent", name="nobody", tenant=me.tenant, rules=Rules([Rule("runs:read", "*")]))
    with pytest.raises(Forbidden):
        await world.app.workflows.run(nobody, document(op("a", "Say", say=1)))
    assert await refused_acts(world) == [("operations:use", "Say", ""), ("workflows:run", "tale", "")]


async def test_a_refused_call_is_recorded_without_the_rest_of_its_url(world: World) -> None:
    with pytest.raises(Forbidden):
        await world.run(op("a", "ApiCall", url="http://127.0.0.1:9/x?token=abc", **CALL))
    assert await refused_acts(world) == [("egress.call", "GET 127.0.0.1:9", "address_refused")]


async def test_a_refusal_during_the_run_is_recorded_as_the_run_s(world: World) -> None:
    outcome = await world.outcome(
        op("a", "ApiCall", url="http://{/input/host}/x", **CALL), inputs={"host": "127.0.0.1"}
    )
    assert ("workflows:run", "tale", f"{outcome.run} address_refused") in await refused_acts(world)
