"""Validating tells much of what there is: whoever has no grant of the kind gets nothing."""

import pytest

from muelle.identity import AuditFilter, Principal, Refused, Rule, Rules
from workflows.runs_world import World, document, op


def somebody(world: World, *rules: Rule) -> Principal:
    me = world.me
    return Principal(id=me.id, kind="agent", name="somebody", tenant=me.tenant, rules=Rules(rules))


async def test_whoever_has_no_grant_gets_no_report_and_is_recorded(world: World) -> None:
    with pytest.raises(Refused):
        await world.app.workflows.validate(somebody(world), document(op("a", "Say", say=1)))
    page = await world.app.stores.trail.page(world.me.tenant, AuditFilter(decision="refused"))
    assert [act.action for act in page.items] == ["workflows:validate"]


@pytest.mark.parametrize("scope", ["workflows:validate", "workflows:run"])
async def test_whoever_may_validate_or_run_gets_a_report_that_says_what_is_refused(world: World, scope: str) -> None:
    report = await world.app.workflows.validate(somebody(world, Rule(scope, "*")), document(op("a", "Say", say=1)))
    assert {issue.code for issue in report.issues} == {"refused"}
