"""What secrets cost: envelopes, a rekey, signatures, tokens, checks of endpoints. Ends with JSON, in microseconds.

Run: .venv/bin/python tests/bench/bench_vault.py
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from muelle.core import SystemClock, TenantId
from muelle.egress import KeyFiles, open_envelope
from muelle.egress.definitions.checks import placed_call
from muelle.egress.definitions.model import Definition, EndpointBody, Parameter
from muelle.egress.definitions.service import read_described
from muelle.egress.guard import networks_of
from muelle.egress.kinds import AwsKey, HmacOptions, SigV4Options
from muelle.egress.signing import Moment, hmac_signed, sigv4
from muelle.egress.target import read_target
from muelle.egress.tokens import Grant, Tokens
from muelle.egress.wire import Answer, Request
from muelle.stores import SqlVault, migrate, open_sqlite
from muelle.stores.checks import check_secret
from muelle.stores.vault import make_key, read_key

TIMES = 2000
TENANTS = 1000
REQUEST = Request(
    method="POST",
    target=read_target("https://api.example.com/v1/things?a=1&b=2"),
    headers={"content-type": "application/json", "accept": "*/*"},
    body=b"x" * 1024,
    networks=networks_of(()),
    max_answer_bytes=1,
)


async def each(what: Callable[[], Awaitable[Any]], times: int = TIMES) -> float:
    """Return the microseconds that one takes."""
    await what()
    began = time.perf_counter()
    for _ in range(times):
        await what()
    return round((time.perf_counter() - began) / times * 1e6, 1)


def pure(what: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
    """Return a function as a coroutine function."""

    async def called() -> Any:
        return what()

    return called


async def vaults(figures: dict[str, float]) -> None:
    """Measure reading a secret, and a rekey of a thousand tenants."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        key = make_key(path / "vault.key")
        async with open_sqlite(path / "muelle.db") as database:
            await migrate(database)
            old, vault = SqlVault(database, key), await open_envelope(database, path / "vault.key", FILES)
            await old.put(TenantId("old"), "crm", "s3cret-token-value")
            for number in range(TENANTS):
                await vault.put(TenantId(f"t{number}"), "crm", "s3cret-token-value")
            figures["get_old_us"] = await each(lambda: old.get(TenantId("old"), "crm"))
            figures["get_envelope_us"] = await each(lambda: vault.get(TenantId("t1"), "crm"))
            began = time.perf_counter()
            done = await vault.rekey()
            figures["rekey_1000_tenants_ms"] = round((time.perf_counter() - began) * 1000, 1)
            figures["rekeyed"] = done.data_keys


FILES = KeyFiles(read_key, make_key, check_secret)


async def signatures(figures: dict[str, float]) -> None:
    """Measure signing a request of 1 KB."""
    now = datetime(2026, 1, 2, tzinfo=UTC)
    key, options = AwsKey("AKIDEXAMPLE", "wJalrXUtnFEMIK7MDENG"), SigV4Options(region="eu-west-1", service="sqs")
    figures["sigv4_us"] = await each(pure(lambda: sigv4(REQUEST, key, options, now)))
    moment, plain = Moment(now, "once"), HmacOptions()
    figures["hmac_us"] = await each(pure(lambda: hmac_signed(REQUEST, b"a shared key", plain, moment)))


async def tokens(figures: dict[str, float]) -> None:
    """Measure a token that is kept, and how many requests a thousand calls at once make."""
    from muelle.egress import Credential, CredentialId  # noqa: PLC0415 - beside what it measures

    asked = 0

    async def send(_: Request) -> Answer:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.01)
        return Answer(200, {}, b'{"access_token":"a-token-of-some-length","token_type":"Bearer","expires_in":3600}')

    now = datetime(2026, 1, 2, tzinfo=UTC)
    credential = Credential(
        id=CredentialId("c"),
        type="oauth2-client-credentials",
        options={"token_url": "https://login.example.com/t", "client_id": "me"},
        tenant=TenantId("t"),
        created=now,
        updated=now,
    )

    async def reread() -> str | None:
        return None

    async def store(_: str) -> None:
        return None

    grant = Grant(credential=credential, secret="s3cret", networks=networks_of(()), reread=reread, store=store)
    kept = Tokens(send, SystemClock(), 10)
    await asyncio.gather(*(kept.get(grant) for _ in range(1000)))
    figures["token_requests_of_1000_calls"] = asked
    figures["kept_token_us"] = await each(lambda: kept.get(grant))


async def definitions(figures: dict[str, float]) -> None:
    """Measure checking a call, and reading a document of some 9 MB."""
    schema = {
        "type": "object",
        "required": ["name"],
        "properties": {f"p{number}": {"type": "string"} for number in range(20)} | {"name": {"type": "string"}},
    }
    definition = Definition(
        id="add",
        method="POST",
        path="/pets/{id}",
        parameters=(Parameter(name="id", place="path", required=True, schema={"type": "integer"}),),
        body=EndpointBody(content_type="application/json", schema=schema),
    )
    body = {"name": "Rex", **{f"p{number}": "value" for number in range(20)}}
    figures["checked_call_us"] = await each(
        pure(lambda: placed_call(definition, "https://api.example.com", {"id": 7}, body))
    )
    large = {f"S{n}": {"properties": {f"p{m}": {"description": "d" * 90} for m in range(20)}} for n in range(3600)}
    paths = {f"/{n}": {"get": {"operationId": f"o{n}"}} for n in range(1000)}
    content = msgspec.json.encode({"openapi": "3.1.0", "paths": paths, "components": {"schemas": large}})
    began = time.perf_counter()
    read_described(content, "", ())
    figures["import_mb"] = round(len(content) / 1e6, 1)
    figures["import_ms"] = round((time.perf_counter() - began) * 1000, 1)


async def main() -> None:
    """Measure everything and print JSON."""
    figures: dict[str, float] = {}
    for part in (vaults, signatures, tokens, definitions):
        await part(figures)
    print(json.dumps(figures))


if __name__ == "__main__":
    asyncio.run(main())
