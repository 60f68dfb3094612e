"""The memory twin of a step does what the port says."""

import pytest

from muelle.packs import MISSING, HttpCall, MemoryStep, MuelleError, Step


async def test_a_memory_step_is_a_step() -> None:
    step: Step[str] = MemoryStep("resource", data={"/workflow/a": None})
    assert step.resource == "resource"
    assert step.read("/workflow/a") is None
    assert step.find("/workflow/b") is MISSING
    with pytest.raises(MuelleError) as caught:
        step.read("/workflow/b")
    assert (caught.value.code, caught.value.facts) == ("missing_data", {"path": "/workflow/b"})


async def test_a_memory_step_keeps_what_it_is_given() -> None:
    step = MemoryStep()
    await step.storage.put("file", "a", b"1", "text/plain")
    assert await step.storage.get("file", "a") == (b"1", "text/plain")
    assert await step.storage.get("database", "a") is None


async def test_a_memory_step_remembers_what_was_asked_of_it() -> None:
    step = MemoryStep()
    await step.sleep(3.5)
    assert await step.perform(["a", "b"])
    assert await step.iterate(["c"], {"x": 1}, 0, 2) == {"x": 1}
    assert (step.slept, step.performed, step.iterated) == ([3.5], [("a", "b")], [(("c",), {"x": 1}, 0, 2)])


async def test_a_memory_step_without_http_lets_no_call_pass() -> None:
    with pytest.raises(AssertionError, match=r"unexpected call: GET https://x\.test"):
        await MemoryStep().http.call(HttpCall(method="GET", url="https://x.test"))
