"""What the builder writes is what the server's planner reads, for every operation and in both dialects."""

from typing import Literal

import pytest

from client.test_workflow_builder import every_operation
from muelle.packs import Limits, Packs
from muelle.workflows import Catalogue, Planner, WorkflowsSettings
from muelle.workflows.operations.pack import BUILT_IN
from muelle_client import Workflow

PACKS = Packs.of([BUILT_IN])


@pytest.fixture
def planner() -> Planner:
    return Planner(Catalogue(PACKS.operations), WorkflowsSettings())


@pytest.mark.parametrize("dialect", ["flat", "nested"])
def test_the_planner_finds_no_fault(planner: Planner, dialect: Literal["flat", "nested"]) -> None:
    planned = planner.look(every_operation().document(dialect).encode(), Limits())
    assert [issue for issue in planned.issues if issue.severity == "error"] == []


async def test_both_dialects_become_the_same_plan(planner: Planner) -> None:
    flat = await planner.plan(every_operation().document("flat").encode(), Limits())
    nested = await planner.plan(every_operation().document("nested").encode(), Limits())
    assert flat.workflow == nested.workflow == "all"
    assert [node.id for node in flat.main.nodes] == [node.id for node in nested.main.nodes]


def test_the_builder_has_a_method_for_every_operation_of_the_server() -> None:
    written = {kind for item in every_operation()._operations.values() for kind in item["operation"]}
    assert written == set(PACKS.operations)


def test_an_unfinished_workflow_is_refused_by_both(planner: Planner) -> None:
    workflow = Workflow("w").operation("a", "Wait", {"duration": "long"})
    planned = planner.look(workflow.document().encode(), Limits())
    assert [issue.code for issue in planned.issues] == ["wrong_type"]
