"""What can be searched, as values, and who may see it. Pure: no clock, no database."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, get_args

import msgspec

from muelle.core import TenantId
from muelle.identity import Principal, matches

Kind = Literal["operation", "api", "endpoint", "credential", "query", "workflow", "knowledge"]
KINDS: tuple[Kind, ...] = get_args(Kind)

LONGEST_TITLE = 300
LONGEST_BODY = 4_000


class Sight(NamedTuple):
    """A grant that lets one see an entry: of a scope, on a resource.

    One that is `partial` lets whoever may do that with a part of the resource: a part is named after it and a space.
    """

    scope: str
    resource: str
    partial: bool = False


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be found; whoever has one of its `sights` may know that it is there."""

    kind: Kind
    id: str
    title: str
    body: str = ""
    tags: tuple[str, ...] = ()
    sights: tuple[Sight, ...]

    @property
    def digest(self) -> str:
        """A hash that changes whenever the entry does."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:32]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that answers a query; `score` orders the answers of one query, and means nothing beyond it."""

    kind: Kind
    id: str
    title: str
    body: str
    tags: tuple[str, ...]
    score: float


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, best first. Where no meanings are compared, `semantic` is false and `note` says why."""

    found: tuple[Found, ...]
    semantic: bool
    note: str = ""


class Embedder(Protocol):
    """Turns texts into vectors of length one, of which those of similar meaning lie close together."""

    @property
    def name(self) -> str:
        """What tells its vectors from those of another, and may stand in a path."""
        ...

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        ...

    async def embed(self, texts: Sequence[str]) -> Any:  # noqa: ANN401 - a matrix of NumPy, which is an extra
        """Return a matrix of 32-bit floats with a row for each text."""
        ...


class Source(Protocol):
    """A room that has things to be found. It knows best what there is, and how to tell of it."""

    @property
    def name(self) -> str:
        """What tells its entries from those of other sources."""
        ...

    async def mark(self, tenant: TenantId) -> str:
        """Return what changes whenever the tenant's entries may have changed; cheap, for each search asks for it."""
        ...

    async def entries(self, tenant: TenantId) -> Sequence[Entry]:
        """Return all of the tenant's entries, whoever may see them."""
        ...

    async def tell(self, principal: Principal, entry: Found) -> Sequence[Mapping[str, Any]]:
        """Return an entry as a model may use it, in full first and then ever shorter; empty if it is not there.

        What the principal may not see now, though the index has it, is not there.
        """
        ...


def may_see(principal: Principal, sights: Sequence[Sight]) -> bool:
    """Tell whether a principal may know of an entry."""
    return any(_has(principal, sight) for sight in sights)


def _has(principal: Principal, sight: Sight) -> bool:
    if principal.may(sight.scope, sight.resource):
        return True
    if not sight.partial:
        return False
    patterns = (rule.pattern for rule in principal.rules if rule.scope in {sight.scope, "*"})
    return any(matches(pattern.split(" ", 1)[0], sight.resource) for pattern in patterns)


def fused(*rankings: Sequence[int], k: int = 60) -> dict[int, float]:
    """Return what is in any ranking with its score, best first: the sum of 1 / (k + rank), as Cormack et al. (2009)."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking, 1):
            scores[key] = scores.get(key, 0.0) + 1.0 / (k + rank)
    return dict(sorted(scores.items(), key=lambda each: (-each[1], each[0])))
