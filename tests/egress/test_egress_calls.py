import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from egress.egress_tls import certificate_for
from egress.egress_world import TENANT, Seen, World, agent, open_world, reply, serving, world_with
from muelle import __version__
from muelle.core import HttpCall
from muelle.egress import EgressSettings
from muelle.egress.adapters.client import AiohttpWire
from muelle.egress.errors import (
    AddressRefused,
    AnswerTooLarge,
    ConnectionFailed,
    DnsFailed,
    InvalidCall,
    InvalidHeader,
    InvalidUrl,
    PortRefused,
    RequestTooLarge,
    TlsFailed,
)
from muelle.egress.guard import networks_of
from muelle.egress.target import read_target
from muelle.egress.wire import Request


async def test_a_status_is_an_answer_and_not_an_error(world: World) -> None:
    world.server.answers("/gone", reply(410, b"gone", X_Reason="moved"))

    answer = await world.get(world.server.url("/gone"))

    assert (answer.status, answer.body, answer.headers["x-reason"]) == (410, b"gone", "moved")
    assert (answer.url, answer.attempts, answer.cached) == (world.server.url("/gone"), 1, False)


async def test_a_call_says_who_calls_and_what_it_can_read(world: World) -> None:
    await world.get(world.server.url())

    headers = world.server.seen[0].headers
    assert headers["user-agent"] == f"muelle/{__version__}"
    assert headers["host"] == f"127.0.0.1:{world.server.port}"
    assert (headers["accept"], headers["accept-encoding"]) == ("*/*", "gzip, deflate")
    assert "content-type" not in headers


async def test_the_idempotency_key_is_sent(world: World) -> None:
    await world.post(world.server.url(), idempotency_key="run_1/step_2")

    assert world.server.seen[0].headers["idempotency-key"] == "run_1/step_2"


@pytest.mark.parametrize(
    ("body", "sent", "kind"),
    [
        ({"a": [1, None, "ü"]}, '{"a":[1,null,"ü"]}'.encode(), "application/json"),
        ([], b"[]", "application/json"),
        (0, b"0", "application/json"),
        ("text", b"text", "text/plain; charset=utf-8"),
        (b"\x00\xff", b"\x00\xff", "application/octet-stream"),
    ],
)
async def test_a_body_is_sent_as_what_it_is(world: World, body: Any, sent: bytes, kind: str) -> None:
    await world.post(world.server.url(), body=body)

    assert (world.server.seen[0].body, world.server.seen[0].headers["content-type"]) == (sent, kind)


async def test_a_form_is_sent_as_a_form(world: World) -> None:
    await world.post(
        world.server.url(),
        body={"a": "x y", "b": [1, True]},
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert world.server.seen[0].body == b"a=x%20y&b=1&b=true"


async def test_a_query_is_added_to_that_of_the_url(world: World) -> None:
    await world.get(world.server.url("/a?x=1#part"), query={"y": [2, "ü &"], "z": True, "none": None})

    assert world.server.seen[0].path == "/a?x=1&y=2&y=%C3%BC%20%26&z=true"


async def test_a_value_that_no_query_can_hold_is_named(world: World) -> None:
    with pytest.raises(InvalidCall) as error:
        await world.get(world.server.url(), query={"filter": {"a": 1}})

    assert (error.value.facts["field"], error.value.facts["name"]) == ("query", "filter")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "GET / HTTP/1.1\r\nX: y", ""])
async def test_a_method_that_agents_have_no_use_for_is_refused(world: World, method: str) -> None:
    with pytest.raises(InvalidCall):
        await world.egress.call(agent(), HttpCall(method=method, url=world.server.url()))

    assert world.server.seen == []


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "1\r\nX-Evil: 1"},
        {"X-A": "1\nX-Evil: 1"},
        {"X-A": "\x00"},
        {"X-A\r\nX-Evil": "1"},
        {"X A": "1"},
        {"": "1"},
        {"X-A": ["1"]},
        {"X-A": "\ud800"},
        {"Host": "evil.example"},
        {"content-length": "5"},
        {"Transfer-Encoding": "chunked"},
        {"Connection": "close"},
        {"Proxy-Authorization": "x"},
        {"X-A": "1", "x-a": "2"},
    ],
)
async def test_a_header_that_would_break_out_is_refused(world: World, headers: dict[str, Any]) -> None:
    with pytest.raises(InvalidHeader):
        await world.get(world.server.url(), headers=headers)

    assert world.server.seen == []


async def test_an_idempotency_key_cannot_break_out_either(world: World) -> None:
    with pytest.raises(InvalidHeader):
        await world.post(world.server.url(), idempotency_key="a\r\nX-Evil: 1")


async def test_a_line_break_in_a_url_is_refused(world: World) -> None:
    with pytest.raises(InvalidUrl):
        await world.get(world.server.url("/a HTTP/1.1\r\nX-Evil: 1\r\n"))

    assert world.server.seen == []


async def test_headers_may_have_as_many_bytes_as_allowed_and_no_more() -> None:
    async with world_with(max_request_header_bytes=400) as world:
        room = 400 - await _bytes_of_headers(world)
        await world.get(world.server.url(), headers={"x-a": "v" * (room - 7)})

        with pytest.raises(InvalidHeader):
            await world.get(world.server.url(), headers={"x-a": "v" * (room - 6)})


async def _bytes_of_headers(world: World) -> int:
    await world.get(world.server.url())
    own = {name: value for name, value in world.server.seen[0].headers.items() if name != "host"}
    return sum(len(name) + len(value) + 4 for name, value in own.items())


async def test_a_body_may_be_as_large_as_allowed_and_no_larger() -> None:
    async with world_with(max_request_bytes=10) as world:
        await world.post(world.server.url(), body=b"0123456789")

        with pytest.raises(RequestTooLarge):
            await world.post(world.server.url(), body=b"0123456789!")
    assert len(world.server.seen) == 1


async def test_a_body_that_is_no_json_is_named(world: World) -> None:
    with pytest.raises(InvalidCall) as error:
        await world.post(world.server.url(), body={"a": object()})

    assert error.value.facts["field"] == "body"


@pytest.mark.parametrize("levels", [128, 129])
async def test_a_body_may_be_as_deep_as_allowed_and_no_deeper(world: World, levels: int) -> None:
    body: Any = []
    for _ in range(levels - 1):
        body = [body]

    if levels == 128:
        assert (await world.post(world.server.url(), body=body)).status == 200
    else:
        with pytest.raises(InvalidCall):
            await world.post(world.server.url(), body=body)


async def test_an_agent_has_limits_of_its_own(world: World) -> None:
    world.server.answers("/", reply(body=b"0123456789"))

    with pytest.raises(AnswerTooLarge):
        await world.get(world.server.url(), by=agent(answer_bytes=9))
    with pytest.raises(InvalidCall):
        await world.get(world.server.url(), by=agent(call_seconds=2), timeout=2.5)


@pytest.mark.parametrize("seconds", [0, -1, 300.1, float("nan"), float("inf")])
async def test_a_timeout_past_the_limit_is_refused(world: World, seconds: float) -> None:
    with pytest.raises(InvalidCall) as error:
        await world.get(world.server.url(), timeout=seconds)

    assert error.value.facts["field"] == "timeout"


async def test_a_timeout_at_the_limit_is_fine(world: World) -> None:
    assert (await world.get(world.server.url(), timeout=300)).status == 200


async def test_a_closed_port_is_a_failed_connection(world: World) -> None:
    async with serving() as gone:
        url = gone.url()

    with pytest.raises(ConnectionFailed) as error:
        await world.get(f"{url}path?token=secret")
    assert "secret" not in str(error.value)
    assert (error.value.category, error.value.recoverable) == ("network", True)


async def test_a_connection_that_is_dropped_is_a_failed_connection(world: World) -> None:
    async def drop(_: Seen) -> AsyncIterator[bytes]:
        if False:
            yield b""

    world.server.answers("/", drop)

    with pytest.raises(ConnectionFailed):
        await world.post(world.server.url())


async def test_an_unknown_name_is_an_error_of_dns(world: World) -> None:
    with pytest.raises(DnsFailed) as error:
        await world.get("http://nowhere.example/?token=secret")

    assert error.value.facts == {"host": "nowhere.example"}


async def test_a_certificate_that_nobody_signed_is_refused_and_one_that_the_operator_trusts_is_not(
    tmp_path: Path,
) -> None:
    authority, server_tls = certificate_for(tmp_path, "tls.example", timedelta(days=1))
    for trusted in ("", str(authority)):
        async with open_world(replace(EgressSettings(), ca_file=trusted)) as world, serving(tls=server_tls) as server:
            world.names.answers["tls.example"] = [["127.0.0.1"]]
            if trusted:
                assert (await world.get(server.url(host="tls.example"))).status == 200
                world.names.answers["other.example"] = [["127.0.0.1"]]
            with pytest.raises(TlsFailed):
                await world.get(server.url(host="other.example" if trusted else "tls.example"))


async def test_a_server_that_speaks_no_tls_is_an_error_of_tls(world: World) -> None:
    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 This is plain HTTP\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as plain:
        with pytest.raises(TlsFailed):
            await world.get(f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}/")


async def test_a_server_that_does_not_shake_hands_is_a_failed_connection() -> None:
    async with world_with(connect_seconds=0.05) as world:
        with pytest.raises(ConnectionFailed) as error:
            await world.get(f"https://127.0.0.1:{world.server.port}/")

    assert error.value.facts["reason"] == "no connection in time"


async def test_only_the_ports_that_the_operator_named_may_be_called() -> None:
    async with world_with(ports=(80, 443)) as world:
        with pytest.raises(PortRefused):
            await world.get(world.server.url())


async def test_the_socket_alone_refuses_whatever_came_before() -> None:
    wire = AiohttpWire(EgressSettings())
    async with serving() as server:
        request = Request(
            method="GET",
            target=read_target(server.url()),
            headers={},
            body=None,
            networks=networks_of(()),
            max_answer_bytes=10,
        )
        with pytest.raises(AddressRefused):
            await wire.send(request)
        await wire.close()

        assert server.connections == 0


async def test_idle_pools_beyond_the_limit_are_closed() -> None:
    async with world_with(pools=1) as world:
        for networks in (("127.0.0.0/8",), ("127.0.0.0/16",), ("127.0.0.0/8",)):
            world.networks.by_tenant[TENANT] = networks
            await world.get(world.server.url())

        assert world.server.connections == 3


async def test_many_calls_at_once_share_the_pool() -> None:
    async with world_with(connections_per_host=5) as world:
        await asyncio.gather(*(world.get(world.server.url()) for _ in range(50)))

        assert world.server.connections <= 5


def test_a_request_shows_nothing_that_may_be_secret() -> None:
    request = Request(
        method="GET",
        target=read_target("https://a.example/?token=secret"),
        headers={"authorization": "Bearer secret"},
        body=b"secret",
        networks=networks_of(()),
        max_answer_bytes=1,
    )

    assert "secret" not in repr(request)
