"""What a plan needs of whoever runs it, and what its operations are: what versions are compared by."""

import hashlib
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from muelle.core import CredentialRef
from muelle.workflows.plan import Node, Plan


class Need(NamedTuple):
    """A grant without which it does not run."""

    scope: str
    resource: str


class Call(NamedTuple):
    """An HTTP call that is written out; `host` has a port where one is written."""

    method: str
    host: str
    path: str


class OperationShape(msgspec.Struct, frozen=True):
    """An operation as versions are compared: its type, and a digest of all that is written of it."""

    type: str
    digest: str


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan is made of and asks for. `pure` are the types of operations that touch nothing but data.

    URLs that a reference makes are not known before it runs, and not here.
    """

    operations: dict[str, OperationShape]
    order: tuple[str, ...]
    permissions: frozenset[Need]
    pure: frozenset[str]
    credentials: frozenset[str]
    calls: frozenset[Call]

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that it calls."""
        return frozenset(call.host for call in self.calls)


def needs_of(plan: Plan) -> Needs:
    """Return what a plan needs."""
    impure = {node.type.name for node in plan.nodes.values() if node.effects != "pure"}
    return Needs(
        operations={name: _shape(node) for name, node in plan.nodes.items()},
        order=tuple(node.id for node in plan.main.nodes),
        permissions=frozenset(Need(kind.permission, kind.name) for kind in plan.types),
        pure=frozenset(kind.name for kind in plan.types) - impure,
        credentials=plan.credentials,
        calls=frozenset(_call(method, url) for method, url in plan.calls),
    )


def _shape(node: Node) -> OperationShape:
    told = [node.type.name, node.raw, node.on_error]
    encoded = msgspec.json.encode(told, enc_hook=_written, order="deterministic")
    return OperationShape(node.type.name, hashlib.sha256(encoded).hexdigest()[:32])


def _written(ref: CredentialRef) -> Any:  # noqa: ANN401 - as the document has it
    return {"credentialRef": {"id": ref.id}}


def _call(method: str, url: str) -> Call:
    parts = urlsplit(url)
    return Call(method, parts.netloc.lower().rpartition("@")[2], parts.path)
