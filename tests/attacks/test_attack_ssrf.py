"""Server-side request forgery: an agent that may call every host reaches nothing on this machine."""

import pytest

from attacks.attack_world import Victim, call, caller, run
from doors.door_world import Doorway

WAYS = {
    "by its address": "http://127.0.0.1:{port}/",
    "by its name": "http://localhost:{port}/",
    "by its name with a last dot": "http://localhost.:{port}/",
    "by a short address": "http://127.1:{port}/",
    "by a decimal address": "http://2130706433:{port}/",
    "by a hexadecimal address": "http://0x7f000001:{port}/",
    "by an octal address": "http://0177.0.0.1:{port}/",
    "by the unspecified address": "http://0.0.0.0:{port}/",
    "by another loopback address": "http://127.255.255.254:{port}/",
    "by IPv6": "http://[::1]:{port}/",
    "by IPv4 inside IPv6": "http://[::ffff:127.0.0.1]:{port}/",
    "by IPv4 inside 6to4": "http://[2002:7f00:1::]:{port}/",
    "by IPv4 inside NAT64": "http://[64:ff9b::7f00:1]:{port}/",
    "by full-width digits": "http://１２７.０.０.１:{port}/",  # noqa: RUF001 - that is the attack
    "behind a user name": "http://example.com@127.0.0.1:{port}/",
    "behind a backslash": "http://127.0.0.1:{port}\\@example.com/",
    "behind white space": " http://127.0.0.1:{port}/",
    "by a scheme in capitals": "HTTP://127.0.0.1:{port}/",
}
ELSEWHERE = {
    "the cloud's metadata": "http://169.254.169.254/latest/meta-data/",
    "a file": "file:///etc/passwd",
    "another protocol": "gopher://127.0.0.1:6379/_FLUSHALL",
    "a socket": "unix:///var/run/docker.sock",
}


@pytest.mark.parametrize("url", [*WAYS.values(), *ELSEWHERE.values()], ids=[*WAYS, *ELSEWHERE])
@pytest.mark.parametrize("is_hidden", [False, True], ids=["written in the document", "hidden in the inputs"])
async def test_a_private_address_is_not_reached(doorway: Doorway, victim: Victim, url: str, *, is_hidden: bool) -> None:
    agent = await caller(doorway)
    aim = url.format(port=victim.port)

    answer = await run(agent, call("/input/aim" if is_hidden else aim), inputs={"aim": aim})

    assert victim.connections == 0
    assert answer.status_code in {400, 403} or answer.json()["status"] == "error"
    assert "root:" not in answer.text


async def test_the_same_way_is_open_where_the_tenant_allows_it(doorway: Doorway, victim: Victim) -> None:
    agent = await caller(doorway, networks=["127.0.0.0/8"])

    answer = await run(agent, call(victim.url))

    assert answer.json()["status"] == "success"
    assert victim.connections == 1


async def test_a_redirect_leads_to_no_private_address(doorway: Doorway, victim: Victim) -> None:
    agent = await caller(doorway, networks=["127.0.0.1/32"])
    victim.answer = f"HTTP/1.1 302 Found\r\nlocation: http://[::1]:{victim.port}/\r\ncontent-length: 0\r\n\r\n".encode()

    answer = await run(agent, call(victim.url))

    assert answer.json()["error"]["code"] == "address_refused"
    assert victim.connections == 1


@pytest.mark.parametrize("header", ["x-a", "host", "content-length", "transfer-encoding"])
async def test_a_header_cannot_be_injected_into_a_call(doorway: Doorway, victim: Victim, header: str) -> None:
    agent = await caller(doorway, networks=["127.0.0.0/8"])
    value = "a\r\nx-evil: 1\r\n\r\nGET /smuggled HTTP/1.1\r\n"

    answer = await run(agent, call(victim.url, headers={header: value}))
    hidden = await run(agent, call(victim.url, headers={header: {"path": "/input/value"}}), inputs={"value": value})

    assert answer.status_code == 400 or answer.json()["status"] == "error"
    assert hidden.json()["status"] == "error"
    assert not [request for request in victim.requests if b"evil" in request]


async def test_a_forbidden_operation_is_not_let_through_by_a_flag(doorway: Doorway, victim: Victim) -> None:
    await caller(doorway, networks=["127.0.0.0/8"])
    agent = await doorway.agent(("workflows:run", "*"), ("operations:use", "Wait"), name="waiter")

    for flag in (False, True):
        answer = await run(agent, call(victim.url), validate=flag)
        assert (answer.status_code, answer.json()["code"]) == (403, "workflow_refused")

    assert victim.connections == 0


async def test_an_unknown_operation_is_not_let_through_by_a_flag(doorway: Doorway) -> None:
    answer = await run(await doorway.owner(), ("a", "Shell", {"command": "id"}), validate=False)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_document")


async def test_a_repeated_key_does_not_show_one_operation_and_run_another(doorway: Doorway, victim: Victim) -> None:
    await caller(doorway, networks=["127.0.0.0/8"])
    agent = await doorway.agent(("workflows:run", "*"), ("operations:use", "Wait"), name="waiter")
    wait = '"operation": {"Wait": {"duration": 0}}'
    reach = f'"operation": {{"ApiCall": {{"method": "GET", "url": "{victim.url}", "outputPath": "/workflow/x"}}}}'

    for first, second in ((wait, reach), (reach, wait)):
        text = f'{{"type": "operationUpdate", "operationId": "a", {first}, {second}}}'
        await agent.post("/api/v1/workflows/execute", json={"workflow": text})

    assert victim.connections == 0


async def test_a_huge_answer_that_was_packed_small_is_not_unpacked(doorway: Doorway, victim: Victim) -> None:
    agent = await caller(doorway, networks=["127.0.0.0/8"])
    victim.says(b'"' + b"0" * (64 << 20) + b'"', zipped=True)
    assert len(victim.answer) < 100_000

    answer = await run(agent, call(victim.url))

    assert answer.json()["error"]["code"] == "answer_too_large"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "1" * 5000])
async def test_a_number_that_is_none_does_not_come_in_by_an_answer(
    doorway: Doorway, victim: Victim, number: str
) -> None:
    agent = await caller(doorway, networks=["127.0.0.0/8"])
    victim.says(f'{{"x": {number}}}'.encode())

    answer = await run(agent, call(victim.url))

    assert answer.status_code == 200
    given = answer.json(parse_constant=pytest.fail).get("results", {}).get("call", "")
    assert not isinstance(given, dict), "what is no JSON is text, or an error"


async def test_an_answer_nested_ten_thousand_deep_breaks_nothing(doorway: Doorway, victim: Victim) -> None:
    agent = await caller(doorway, networks=["127.0.0.0/8"])
    victim.says(b"[" * 10_000 + b"]" * 10_000)

    answer = await run(agent, call(victim.url))

    assert answer.status_code == 200
    assert (await run(agent, call(victim.url))).status_code == 200
