"""Inbound webhooks: who signs may call, once for each id; strangers learn nothing, not even whether there is one."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from msgspec.structs import replace

from muelle.core import Forbidden, InvalidBody, TenantId, Unavailable, UnsupportedMediaType
from muelle.workflows.triggers import TriggersSettings
from muelle.workflows.triggers.errors import HookBodyTooLarge, HookBusy, HookClosed, HookFailed, HookRefused
from muelle.workflows.triggers.model import Challenge, Trigger, TriggerId, Webhook
from muelle.workflows.triggers.pattern import EventPattern
from muelle.workflows.triggers.schemes import GenericScheme, GithubScheme, StripeScheme
from workflows.triggers.trigger_world import World, open_world

BODY = b'{"type":"order.paid","total":7}'
GITHUB_SECRET = "a-secret-of-github"


def github(body: bytes, event: str = "push", secret: str = GITHUB_SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"x-hub-signature-256": f"sha256={digest}", "x-github-event": event, "x-github-delivery": "1"}


async def refusal(world: World, trigger: Trigger, headers: dict[str, str], body: bytes, address: str = "") -> Any:
    with pytest.raises(HookRefused) as caught:
        await world.call(trigger, headers, body, address)
    return caught.value.problem()


async def test_a_signed_call_starts_the_workflow_as_its_creator(world: World) -> None:
    trigger, secret = await world.add_hook(inputs={"total": "/event/data/total", "type": "/event/type"})

    answer = await world.call(trigger, world.signed(secret, BODY), BODY)

    assert (answer.status, answer.body) == (202, {"outcome": "submitted", "run": "run_0"})
    [job] = world.engine.jobs
    assert (job.principal, job.idempotency_key) == (world.owner.id, f"trigger:{trigger.id}:msg_1")
    assert world.engine.payloads[0]["inputs"] == {"total": 7, "type": "order.paid"}
    assert [(each.outcome, each.run, each.event) for each in await world.deliveries("door")] == [
        ("submitted", "run_0", "msg_1")
    ]


async def test_a_call_that_comes_again_gets_the_first_run(world: World) -> None:
    trigger, secret = await world.add_hook()
    await world.call(trigger, world.signed(secret, BODY), BODY)
    world.clock.forward(seconds=60)

    again = await world.call(trigger, world.signed(secret, BODY), BODY)
    other = await world.call(trigger, world.signed(secret, BODY, "msg_2"), BODY)

    assert (again.status, again.body) == (200, {"outcome": "duplicate", "run": "run_0"})
    assert (other.status, other.body) == (202, {"outcome": "submitted", "run": "run_1"})


async def test_the_ids_of_calls_are_remembered_for_as_long_as_is_set() -> None:
    async with open_world(TriggersSettings(receipt_hours=2)) as world:
        trigger, secret = await world.add_hook(inputs={})
        await world.call(trigger, world.signed(secret, BODY), BODY)
        for number in range(500):
            if number == 499:
                world.clock.forward(hours=2, seconds=1)
            world.clock.forward(seconds=0.2)
            await world.call(trigger, world.signed(secret, BODY, f"msg_x{number}"), BODY)
        receipts = await world.database.fetch("SELECT COUNT(*) FROM trigger_receipts")

    assert receipts[0][0] == 1


@pytest.mark.parametrize(("late", "opens"), [(300, True), (-300, True), (301, False), (-301, False)])
async def test_a_call_is_taken_at_the_edge_of_the_window_and_not_beyond(
    world: World, late: int, *, opens: bool
) -> None:
    trigger, secret = await world.add_hook()
    headers = world.signed(secret, BODY, late=late)

    if opens:
        assert (await world.call(trigger, headers, BODY)).status == 202
    else:
        await refusal(world, trigger, headers, BODY)
        assert [each.reason for each in await world.deliveries("door")] == ["too old or too early"]


async def test_an_unknown_webhook_and_a_bad_signature_are_answered_alike(world: World) -> None:
    trigger, secret = await world.add_hook()
    await world.add()
    event_trigger = await world.triggers.show(world.owner, "orders")
    good = world.signed(secret, BODY)
    unknown = replace(trigger, id=TriggerId("trigger_0"))
    foreign = replace(trigger, tenant=TenantId("other"))
    named = replace(trigger, id=TriggerId("door"))

    problems = [await refusal(world, each, good, BODY) for each in (unknown, foreign, named, event_trigger)]
    problems += [await refusal(world, trigger, headers, b"{}") for headers in ({}, good)]

    assert problems == [HookRefused().problem()] * 6
    assert world.engine.jobs == []


async def test_a_refusal_is_recorded_alike_and_only_the_owner_finds_its_cause(world: World) -> None:
    trigger, _ = await world.add_hook()
    await refusal(world, trigger, {}, BODY)
    await refusal(world, replace(trigger, id=TriggerId("trigger_0")), {}, BODY)

    acts = [(act.decision, act.detail, act.principal) for act in await world.acts("hooks.receive")]
    assert acts == [("refused", "hook_refused", None)] * 2
    assert [(each.outcome, each.reason) for each in await world.deliveries("door")] == [("refused", "no signature")]


async def test_strangers_fill_neither_the_audit_record_nor_the_deliveries() -> None:
    async with open_world(TriggersSettings(refused_per_minute=3)) as world:
        trigger, _ = await world.add_hook()
        for _ in range(4):
            await refusal(world, trigger, {}, BODY)
        assert len(await world.acts("hooks.receive")) == len(await world.deliveries("door")) == 3

        world.clock.forward(minutes=1)
        await refusal(world, trigger, {}, BODY)

        assert len(await world.acts("hooks.receive")) == 4


async def test_the_old_secret_is_valid_until_its_end_and_not_after(world: World) -> None:
    trigger, old = await world.add_hook()
    _, made = await world.triggers.rotate(world.owner, "door", 3600)
    assert made is not None
    new = made.reveal()
    world.clock.forward(seconds=3599)
    for number, secret in enumerate((old, new)):
        assert (await world.call(trigger, world.signed(secret, BODY, f"a{number}"), BODY)).status == 202

    world.clock.forward(seconds=1)

    await refusal(world, trigger, world.signed(old, BODY, "b"), BODY)
    assert (await world.call(trigger, world.signed(new, BODY, "c"), BODY)).status == 202


async def test_at_most_two_secrets_are_valid_and_the_others_are_gone(world: World) -> None:
    trigger, first = await world.add_hook()
    for _ in range(2):
        await world.triggers.rotate(world.owner, "door", 3600)

    await refusal(world, trigger, world.signed(first, BODY), BODY)
    kept = [await world.vault.get(trigger.tenant, f"trigger.{trigger.id}.{version}") for version in (1, 2, 3)]
    assert [secret is not None for secret in kept] == [False, True, True]


async def test_a_rotation_without_overlap_ends_the_old_secret_at_once(world: World) -> None:
    trigger, old = await world.add_hook()
    await world.triggers.rotate(world.owner, "door", 0)

    await refusal(world, trigger, world.signed(old, BODY), BODY)


async def test_a_body_may_be_as_large_as_the_limit_and_no_larger() -> None:
    async with open_world(TriggersSettings(hook_bytes=10)) as world:
        trigger, secret = await world.add_hook()
        for body in (b'"12345678"', b'"123456789"'):
            if len(body) == 10:
                assert (await world.call(trigger, world.signed(secret, body), body)).status == 202
            else:
                with pytest.raises(HookBodyTooLarge):
                    await world.call(trigger, {}, body)


async def test_a_webhook_is_called_as_often_as_it_may_be_and_then_has_to_wait() -> None:
    async with open_world(TriggersSettings(hook_per_minute=2)) as world:
        trigger, secret = await world.add_hook()
        other, other_secret = await world.add_hook(name="second")
        for number in range(2):
            await world.call(trigger, world.signed(secret, BODY, f"m{number}"), BODY)
        with pytest.raises(HookBusy) as caught:
            await world.call(trigger, world.signed(secret, BODY, "m3"), BODY)
        assert (caught.value.status, caught.value.facts["retry_after"]) == (429, 60)
        assert (await world.call(other, world.signed(other_secret, BODY), BODY)).status == 202

        world.clock.forward(minutes=1)

        assert (await world.call(trigger, world.signed(secret, BODY, "m3"), BODY)).status == 202


@pytest.mark.parametrize(
    ("content_type", "body", "event"),
    [
        ("application/json", b'{"a":[1]}', {"data": {"a": [1]}}),
        ("application/cloudevents+json; charset=utf-8", b"[1]", {"data": [1]}),
        ("application/x-www-form-urlencoded", b"a=1&b=%C3%B1&b=&b=2", {"data": {"a": "1", "b": ["ñ", "", "2"]}}),
        ("text/plain", "ñ".encode(), {"data": "ñ"}),
        ("application/octet-stream", b"\xff\x00", {"data_base64": "/wA="}),
        ("", b"x", {"data": "x"}),
    ],
)
async def test_a_body_becomes_data_by_its_type(world: World, content_type: str, body: bytes, event: Any) -> None:
    trigger, secret = await world.add_hook()

    await world.call(trigger, {**world.signed(secret, body), "content-type": content_type}, body)

    told = world.engine.payloads[0]["inputs"]["event"]
    assert {key: value for key, value in told.items() if key.startswith("data") and key != "datacontenttype"} == event
    assert told.get("datacontenttype", "") == content_type


async def test_headers_are_in_the_event_but_for_those_that_may_hold_a_secret(world: World) -> None:
    trigger, secret = await world.add_hook()
    hidden = {"authorization": "Bearer x", "cookie": "x", "x-api-key": "x", "x-gitlab-token": "x"}

    await world.call(trigger, {**world.signed(secret, BODY), **hidden, "x-trace": "7"}, BODY)

    headers = world.engine.payloads[0]["inputs"]["event"]["headers"]
    assert headers.keys() == {"content-type", "webhook-id", "webhook-timestamp", "x-trace"}


@pytest.mark.parametrize(
    ("content_type", "body", "error"),
    [
        ("application/json", b"{", InvalidBody),
        ("application/json", b'"\xff"', InvalidBody),
        ("application/x-www-form-urlencoded", b"a=\xff", InvalidBody),
        ("application/x-www-form-urlencoded", b"&".join([b"a=1"] * 1001), InvalidBody),
        ("text/plain", b"x", UnsupportedMediaType),
    ],
)
async def test_who_signs_learns_what_is_wrong_with_the_body(
    world: World, content_type: str, body: bytes, error: type[Exception]
) -> None:
    trigger, secret = await world.add_hook(webhook=Webhook(accepts=("json", "form")))

    with pytest.raises(error):
        await world.call(trigger, {**world.signed(secret, body), "content-type": content_type}, body)


async def test_a_form_may_have_a_thousand_fields(world: World) -> None:
    trigger, secret = await world.add_hook()
    body = b"&".join([b"a=1"] * 1000)

    answer = await world.call(
        trigger, {**world.signed(secret, body), "content-type": "application/x-www-form-urlencoded"}, body
    )

    assert answer.status == 202


@pytest.mark.parametrize(
    ("address", "opens"),
    [("192.0.2.7", True), ("::ffff:192.0.2.7", True), ("192.0.3.7", False), ("2001:db8::1", False), ("", False)],
)
async def test_with_a_list_of_addresses_no_other_may_call(world: World, address: str, *, opens: bool) -> None:
    trigger, secret = await world.add_hook(webhook=Webhook(addresses=("192.0.2.0/24",)))
    headers = world.signed(secret, BODY)

    if opens:
        assert (await world.call(trigger, headers, BODY, address)).status == 202
    else:
        assert await refusal(world, trigger, headers, BODY, address) == HookRefused().problem()


async def test_a_call_that_does_not_fit_the_pattern_starts_nothing(world: World) -> None:
    trigger, secret = await world.add_hook(
        pattern=EventPattern(type="order.paid", data={"total": {"numeric": [">", 9]}})
    )

    answer = await world.call(trigger, world.signed(secret, BODY), BODY)

    assert (answer.status, answer.body) == (200, {"outcome": "unmatched", "run": None})
    assert [each.reason for each in await world.deliveries("door")] == ["/data/total"]


async def test_a_disabled_webhook_asks_to_come_again(world: World) -> None:
    trigger, secret = await world.add_hook()
    await world.triggers.disable(world.owner, "door")

    with pytest.raises(HookClosed):
        await world.call(trigger, world.signed(secret, BODY), BODY)
    await refusal(world, trigger, {}, BODY)
    await world.triggers.enable(world.owner, "door")

    assert (await world.call(trigger, world.signed(secret, BODY), BODY)).status == 202


async def test_what_cannot_be_started_now_is_to_be_sent_again(world: World) -> None:
    trigger, secret = await world.add_hook()
    world.engine.failing = Unavailable()
    with pytest.raises(HookFailed):
        await world.call(trigger, world.signed(secret, BODY), BODY)
    world.engine.failing = None

    answer = await world.call(trigger, world.signed(secret, BODY), BODY)

    assert answer.status == 202
    assert [each.outcome for each in await world.deliveries("door")] == ["submitted"]


async def test_what_can_never_be_started_is_kept_and_the_sender_need_not_come_again(world: World) -> None:
    trigger, secret = await world.add_hook()
    world.engine.failing = Forbidden()

    answer = await world.call(trigger, world.signed(secret, BODY), BODY)
    again = await world.call(trigger, world.signed(secret, BODY), BODY)

    assert (answer.status, answer.body) == (202, {"outcome": "dead", "run": None})
    assert again.body == {"outcome": "duplicate", "run": None}
    [letter] = await world.deliveries("door")
    world.engine.failing = None
    assert (await world.triggers.replay(world.owner, "door", letter.id)).run == "run_0"


async def test_a_handshake_is_answered_with_what_it_asks_for(world: World) -> None:
    trigger, secret = await world.add_hook(webhook=Webhook(challenge=Challenge()))
    body = b'{"type":"url_verification","challenge":"3eZbrw1a"}'

    answer = await world.call(trigger, world.signed(secret, body), body)

    assert (answer.status, answer.text, answer.body) == (200, "3eZbrw1a", None)
    assert world.engine.jobs == []
    await refusal(world, trigger, {}, body)


@pytest.mark.parametrize(("length", "is_answered"), [(1000, True), (1001, False)])
async def test_a_handshake_is_answered_within_bounds(world: World, length: int, *, is_answered: bool) -> None:
    trigger, secret = await world.add_hook(webhook=Webhook(challenge=Challenge()))
    body = json.dumps({"type": "url_verification", "challenge": "x" * length}).encode()

    if is_answered:
        assert len((await world.call(trigger, world.signed(secret, body), body)).text) == length
    else:
        with pytest.raises(InvalidBody):
            await world.call(trigger, world.signed(secret, body), body)


async def test_github_tells_the_type_in_a_header_and_its_body_is_taken_once(world: World) -> None:
    webhook = Webhook(scheme=GithubScheme())
    trigger, _ = await world.add_hook(GITHUB_SECRET, webhook=webhook, pattern=EventPattern(type="github.push"))
    headers = github(BODY)

    first = await world.call(trigger, headers, BODY)
    replayed = await world.call(trigger, {**headers, "x-github-delivery": "2"}, BODY)
    other = await world.call(trigger, github(b"{}", "issues"), b"{}")
    ping = await world.call(trigger, github(b'{"zen":""}', "ping"), b'{"zen":""}')

    assert (first.status, replayed.body) == (202, {"outcome": "duplicate", "run": "run_0"})
    assert other.body == {"outcome": "unmatched", "run": None}
    assert ping.body == {"outcome": "pong"}


async def test_stripe_tells_the_type_in_its_body(world: World) -> None:
    webhook = Webhook(scheme=StripeScheme())
    trigger, secret = await world.add_hook(webhook=webhook, pattern=EventPattern(type="stripe.invoice.*"))
    body = b'{"id":"evt_1","type":"invoice.paid"}'
    at = int(world.clock.now().timestamp())
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()

    answer = await world.call(trigger, {"stripe-signature": f"t={at},v1={digest}"}, body)

    assert answer.status == 202


async def test_without_a_time_or_an_id_each_call_is_another_one(world: World) -> None:
    webhook = Webhook(scheme=GenericScheme(header="X-Sig", prefix="sha256="))
    trigger, secret = await world.add_hook(webhook=webhook)
    headers = {"x-sig": f"sha256={hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest().upper()}"}

    runs = [(await world.call(trigger, headers, BODY)).body for _ in range(2)]

    assert runs == [{"outcome": "submitted", "run": "run_0"}, {"outcome": "submitted", "run": "run_1"}]


async def test_a_time_that_is_signed_tells_a_replay_though_its_id_was_changed(world: World) -> None:
    scheme = GenericScheme(header="X-Sig", timestamp_header="X-Time", content="{timestamp}.{body}", id_header="X-Id")
    trigger, secret = await world.add_hook(webhook=Webhook(scheme=scheme))
    at = str(int(world.clock.now().timestamp()))
    digest = hmac.new(secret.encode(), f"{at}.".encode() + BODY, hashlib.sha256).hexdigest()

    first = await world.call(trigger, {"x-sig": digest, "x-time": at, "x-id": "1"}, BODY)
    replayed = await world.call(trigger, {"x-sig": digest, "x-time": at, "x-id": "2"}, BODY)

    assert (first.status, replayed.body) == (202, {"outcome": "duplicate", "run": "run_0"})


async def test_a_secret_is_in_the_vault_alone(world: World) -> None:
    _, secret = await world.add_hook()
    await world.triggers.rotate(world.owner, "door", 60)

    tables = ("triggers", "trigger_deliveries", "identity_acts")
    rows = [str([*row]) for table in tables for row in await world.database.fetch(f"SELECT * FROM {table}")]  # noqa: S608 - three tables

    assert rows
    assert [row for row in rows if secret.removeprefix("whsec_") in row] == []
