"""`muelle audit verify`, `head`, `seal` and `cut`: the chain that the audit record is."""

from typing import TYPE_CHECKING, Any

import click

from muelle.cli.commands import MuelleCommand
from muelle.cli.console import Console

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.core import TenantId
    from muelle.identity import Chain, Principal
    from muelle.identity.record.chain import Verified

_COLUMNS = ("tenant", "seals", "acts", "unsealed", "unsealed_since", "faults")
_BROKEN = 3


@click.command(cls=MuelleCommand)
@click.option("--tenant", metavar="TENANT", help="Only this one; else all, and the ledger that counts their seals.")
@click.option("--head", "heads", multiple=True, metavar="TENANT=HEAD", help="A head that was noted: is it still there?")
@click.pass_obj
def verify(console: Console, tenant: str | None, heads: tuple[str, ...]) -> int:
    """Look for acts that were removed, changed or put in; ends with 3 if there are any.

    What was written in the last seconds is not sealed yet: how much that is, is told.
    """
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    noted = [_noted(head) for head in heads]
    rows = act(console, lambda app, _: _verified(app.stores.chain, tenant, noted))
    faults = [{"tenant": row["tenant"], **fault} for row in rows for fault in row["found"]]
    if console.is_json:
        console.json({"whole": not faults, "tenants": [{**row, "found": row["found"]} for row in rows]})
    else:
        console.listing("seals", rows, _COLUMNS)
        for fault in faults:
            console.note(f"{fault['tenant']}: {fault['kind']} at seal {fault['seal']}: {fault['detail']}")
        console.note("Something was tampered with." if faults else "The audit record is whole.")
    return _BROKEN if faults else 0


def _noted(text: str) -> "tuple[TenantId, str]":
    from muelle.cli.failures import InvalidArgument  # noqa: PLC0415 - few commands need it
    from muelle.core import TenantId  # noqa: PLC0415 - as above

    tenant, equals, head = text.partition("=")
    if not equals or not tenant:
        raise InvalidArgument("A noted head is given as TENANT=NUMBER:DIGEST.", option="--head", value=text[:200])
    return TenantId(tenant), head


async def _verified(chain: "Chain", only: str | None, noted: "list[tuple[TenantId, str]]") -> list[dict[str, Any]]:
    from muelle.core import TenantId  # noqa: PLC0415 - loaded by now

    tenants = await chain.tenants() if only is None else [TenantId(only)]
    rows = []
    for tenant in tenants:
        told = await chain.verify(tenant)
        lost = [await chain.holds(tenant, head) for owner, head in noted if owner == tenant]
        found = [*told.faults, *(fault for fault in lost if fault is not None)]
        rows.append(_row(tenant, found, told))
    for owner, head in noted:
        if owner not in tenants and (fault := await chain.holds(owner, head)):
            rows.append(_row(owner, [fault]))
    if only is None and (broken := await chain.whole()):
        rows.append(_row("*", broken))
    return rows


def _row(tenant: str, found: list[Any], told: "Verified | None" = None) -> dict[str, Any]:
    faults = [{"kind": fault.kind, "seal": fault.seal, "detail": fault.detail} for fault in found]
    return {
        "tenant": tenant,
        "seals": told.seals if told else 0,
        "acts": told.acts if told else 0,
        "unsealed": told.unsealed if told else 0,
        "unsealed_since": told.unsealed_since if told else None,
        "faults": len(faults),
        "head": told.head if told else "",
        "found": faults,
    }


@click.command(cls=MuelleCommand)
@click.argument("tenant", default="default")
@click.pass_obj
def head(console: Console, tenant: str) -> None:
    """Print the head of a tenant's chain: one text that stands for all acts up to it.

    Note it where nobody of this installation can write; `muelle audit verify --head` tells whether it is still there.
    """
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.core import TenantId  # noqa: PLC0415 - as above

    told = act(console, lambda app, _: app.stores.chain.head(TenantId(tenant)))
    if console.is_json:
        console.json({"tenant": tenant, "head": told})
    else:
        click.echo(told)


@click.command(cls=MuelleCommand)
@click.pass_obj
def seal(console: Console) -> None:
    """Seal what was written until now, as every server and worker does all the time."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    async def action(app: "App", _: "Principal") -> int:
        from muelle.rooms import sealer_of  # noqa: PLC0415 - loaded by now

        return await sealer_of(app).seal()

    sealed = act(console, action)
    if console.is_json:
        console.json({"sealed": sealed})
    else:
        console.note(f"Sealed {sealed} acts.")


@click.command(cls=MuelleCommand)
@click.option("--older-than", "age", required=True, metavar="SPAN", help="Acts that were sealed longer ago: 90d, 52w.")
@click.option("--tenant", default="default", metavar="TENANT", help="Whose; by default the operator's own.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def cut(console: Console, age: str, tenant: str, *, yes: bool) -> None:
    """Remove old acts, so that the rest can still be verified; that it was done is an act itself.

    What is older than the setting identity.audit_days is removed without this.
    """
    from muelle.cli.job_options import seconds_of  # noqa: PLC0415 - few commands need it
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    seconds = seconds_of(age, "--older-than")
    console.confirm(f"Remove all acts of '{tenant}' that are more than {age} old?", is_sure=yes)
    removed = act(console, lambda app, _: _cut(app, tenant, seconds))
    if console.is_json:
        console.json({"removed": removed})
    else:
        console.note(f"Removed {removed} acts.")


async def _cut(app: "App", tenant: str, seconds: float) -> int:
    from datetime import timedelta  # noqa: PLC0415 - loaded by now

    from muelle.core import TenantId  # noqa: PLC0415 - as above
    from muelle.rooms import sealer_of  # noqa: PLC0415 - as above

    return await sealer_of(app).cut(TenantId(tenant), app.clock.now() - timedelta(seconds=seconds))
