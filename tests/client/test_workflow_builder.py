"""The builder writes documents of both dialects for every operation, and refuses what cannot be."""

import json
import subprocess
import sys
from typing import Any

import pytest

from muelle_client import InvalidWorkflow, Workflow, credential, go_to, inline, ref, use_value, when, where


def every_operation() -> Workflow:
    """Use each method of the builder once."""
    data = "/workflow/fetch"
    return (
        Workflow("all", on_error="stop", is_sequential=True)
        .seed("/config", {"limit": 3, "name": "Ada", "on": True, "tags": ["a"], "deep": {"n": 1.5}})
        .api_call(
            "fetch",
            method="POST",
            url=f"https://api.example.com/users/{inline('/config/name')}",
            headers={"Authorization": credential("crm-key")},
            query={"limit": ref("/config/limit", default=10)},
            body={"text": ref("/config/tags", transform="json")},
            timeout=5000,
            accept_status=[404],
            response_mode="body",
            on_error=use_value([]),
        )
        .call_endpoint("pet", api="pets", endpoint="GET /pets/{id}", parameters={"id": 7})
        .execute_sql("sales", query="sales", parameters={"year": 2026})
        .filter("vip", input=data, conditions=[where("points", ">", 100), where("email", "exists")], match="all")
        .transform("sorted", input="/workflow/vip", transform="sort", config={"field": "points", "order": "desc"})
        .conditional("enough", condition=when("/workflow/vip", "exists"), if_true=["keep"], if_false="pause")
        .store("keep", input="/workflow/vip", storage="file", key="vip", format="json")
        .wait("pause", duration=10)
        .loop("each", input="/workflow/vip", operations=["shout"])
        .format_text("shout", input="/loop/item", format="template", template="{name}")
        .parallel("both", branches=["left", ["right", "far"]], join="all")
        .load("left", storage="file", key="vip")
        .now("right", timezone="UTC")
        .convert_timezone("far", input="/workflow/right", to_timezone="Europe/Madrid")
        .date_calculation("due", input="/workflow/right", operation="add", days=30, on_error=go_to("plan_b"))
        .now("plan_b", output="/workflow/due")
        .merge("merged", sources=["/workflow/vip", "/workflow/sorted"], strategy="union")
        .extract_text("domain", input="/config/name", pattern="A(.*)", extract_all=True)
        .validate_data("ok", input="/config/name", validation_type="email")
        .calculate("sum", input="/config/limit", operation="add", operand=2)
        .encode_decode("code", input="/config/name", operation="encode", encoding="base64", compensate="told")
        .approve("sure", message="Send it?", details=ref("/workflow/vip"), timeout="PT1H", on_reject="continue")
        .wait_for_event("paid", type="order.paid", match={"amount": {"exists": True}}, compensate=["sub"])
        .emit("told", type="order.sent", subject="A-17", data={"by": ref("/config/name")})
        .run_workflow("sub", workflow="invoice", version="^1.2", inputs={"order": "A-17"})
    )


def messages(workflow: Workflow, dialect: Any = "flat") -> list[dict[str, Any]]:
    return [json.loads(line) for line in workflow.document(dialect).splitlines()]


def config_of(workflow: Workflow, operation: str) -> dict[str, Any]:
    found = next(each for each in messages(workflow) if each.get("operationId") == operation)
    [config] = found["operation"].values()
    return dict(config)


def test_the_flat_dialect_has_a_message_for_each_operation_and_the_order() -> None:
    workflow = Workflow("w").wait("a", duration=1).now("b", timezone="UTC")
    assert messages(workflow) == [
        {"type": "operationUpdate", "operationId": "a", "operation": {"Wait": {"duration": 1}}},
        {
            "type": "operationUpdate",
            "operationId": "b",
            "operation": {"GetCurrentDateTime": {"timezone": "UTC", "outputPath": "/workflow/b"}},
        },
        {"type": "beginExecution", "executionId": "w", "operationOrder": ["a", "b"]},
    ]


def test_the_nested_dialect_has_one_message_for_all_operations() -> None:
    workflow = Workflow("w", on_error="stop").wait("a", duration=1, on_error="continue")
    item = {"id": "a", "operation": {"Wait": {"duration": 1}}, "onError": "continue"}
    assert messages(workflow, "nested") == [
        {"operationUpdate": {"workflowId": "w", "operations": [item]}},
        {"beginExecution": {"workflowId": "w", "root": "a", "onError": "stop"}},
    ]


def test_operations_that_others_refer_to_leave_the_main_order() -> None:
    order = messages(every_operation())[-1]["operationOrder"]
    begin = ["fetch", "pet", "sales", "vip", "sorted", "enough", "each", "both", "due", "merged", "domain", "ok", "sum"]
    assert order == [*begin, "code", "sure", "paid"]


def test_names_of_fields_are_those_of_the_protocol() -> None:
    call = config_of(every_operation(), "fetch")
    assert call["url"] == "https://api.example.com/users/{/config/name}"
    assert call["headers"] == {"Authorization": {"credentialRef": {"id": "crm-key"}}}
    assert call["query"] == {"limit": {"path": "/config/limit", "default": 10}}
    assert (call["acceptStatus"], call["responseMode"], call["outputPath"]) == ([404], "body", "/workflow/fetch")
    assert "onError" not in call
    condition = config_of(every_operation(), "enough")
    assert (condition["ifTrue"], condition["ifFalse"]) == (["keep"], "pause")


def test_a_condition_without_a_value_has_none() -> None:
    assert where("a", "exists") == {"field": "a", "operator": "exists"}
    assert when("/workflow/a", "==", None) == {"path": "/workflow/a", "operator": "==", "value": None}


def test_a_reference_may_have_null_for_its_default() -> None:
    assert ref("/workflow/x", default=None) == {"path": "/workflow/x", "default": None}
    assert ref("/workflow/x") == {"path": "/workflow/x"}


def test_seeds_are_entries_of_the_data_model() -> None:
    seed = messages(every_operation())[0]
    assert (seed["type"], seed["path"]) == ("dataModelUpdate", "/config")
    assert {"key": "deep", "valueMap": [{"key": "n", "valueNumber": 1.5}]} in seed["contents"]
    assert {"key": "on", "valueBoolean": True} in seed["contents"]


def test_an_operation_of_a_pack_is_written_as_it_is_given() -> None:
    config = {"query": "ada", "outputPath": "/workflow/c", "operations": ["not an id of ours"]}
    found = messages(Workflow("w").operation("find", "FindContacts", config))[0]
    assert found["operation"] == {"FindContacts": config}


def test_text_stays_readable() -> None:
    assert "año" in Workflow("w").format_text("a", input="/input/x", format="template", template="año").document()


@pytest.mark.parametrize("name", ["", "a b", "a" * 101, "a\n", "ñ"])
def test_an_id_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(InvalidWorkflow, match="1 to 100 letters"):
        Workflow(name)
    with pytest.raises(InvalidWorkflow, match="1 to 100 letters"):
        Workflow("w").wait(name, duration=1)


def test_an_id_of_100_characters_is_accepted() -> None:
    assert Workflow("a" * 100).wait("b" * 100, duration=1).document()


def test_an_id_used_twice_is_refused() -> None:
    with pytest.raises(InvalidWorkflow, match="'a' is used twice"):
        Workflow("w").wait("a", duration=1).wait("a", duration=2)


def test_a_target_that_is_not_there_is_refused_with_the_nearest() -> None:
    workflow = Workflow("w").loop("each", input="/input/x", operations=["shoot"]).wait("shout", duration=1)
    with pytest.raises(InvalidWorkflow, match="refers to 'shoot', which is not there; did you mean 'shout'"):
        workflow.document()


def test_a_workflow_in_which_nothing_starts_is_refused() -> None:
    workflow = Workflow("w").loop("a", input="/input/x", operations=["b"]).loop("b", input="/input/x", operations=["a"])
    with pytest.raises(InvalidWorkflow, match="only where another refers"):
        workflow.document()


def test_an_empty_workflow_is_refused() -> None:
    with pytest.raises(InvalidWorkflow, match="no operations"):
        Workflow("w").document()


@pytest.mark.parametrize("value", [object(), float("nan"), {1, 2}])
def test_a_value_that_is_no_json_is_refused(value: object) -> None:
    workflow = Workflow("w").api_call("a", method="POST", url="https://x.test", body={"value": value})
    with pytest.raises(InvalidWorkflow, match="is no JSON"):
        workflow.document()


@pytest.mark.parametrize("value", [None, object()])
def test_a_value_that_cannot_be_seeded_is_refused(value: object) -> None:
    with pytest.raises(InvalidWorkflow, match="'x' cannot be seeded"):
        Workflow("w").seed("/config", {"x": value})


def test_building_a_document_imports_neither_httpx_nor_the_server() -> None:
    code = "import sys, muelle_client; print([m for m in ('httpx', 'muelle', 'msgspec') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout.strip() == "[]"


def test_what_undoes_an_operation_stands_beside_it_and_runs_nowhere_else() -> None:
    workflow = Workflow("w").wait("book", duration=1, compensate=["unbook"]).emit("unbook", type="undone")

    update, _, begin = messages(workflow)
    assert (update["compensate"], begin["operationOrder"]) == (["unbook"], ["book"])
    with pytest.raises(InvalidWorkflow, match="'book' refers to 'unbok'"):
        Workflow("w").wait("book", duration=1, compensate="unbok").document()
