"""Discovery: one question, and what of everything that one may use helps with it."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import msgspec

from muelle.identity import Principal
from muelle.memory.discovery.budget import fitted, mixed, tokens
from muelle.memory.search.errors import InvalidQuery
from muelle.memory.search.model import Answers, Found, Kind, Source
from muelle.memory.search.service import Search

SMALLEST_BUDGET = 100
MOST_BUDGET = 100_000
_FOUND = 40
_EACH = 3  # of a kind that is not among the best


class Discovered(msgspec.Struct, frozen=True, kw_only=True):
    """What there is, best first: each item has `kind` and `id` and as much more as the budget allows.

    `left_out` is how many more were found for which there was no room. Where only words were compared `semantic` is
    false, and `note` says why.
    """

    query: str
    budget: int
    tokens: int
    items: tuple[dict[str, Any], ...]
    count: int
    left_out: int
    semantic: bool
    note: str = ""


class Discovery:
    """Finds what a principal may use for a task. Which source tells of which kind is said by `sources`."""

    def __init__(self, search: Search, sources: Mapping[Kind, Source]) -> None:
        self._search = search
        self._sources = sources

    async def discover(
        self, principal: Principal, query: str, budget: int = 3_000, kinds: Sequence[str] = ()
    ) -> Discovered:
        """Return what answers a query within a budget of tokens; raise InvalidQuery."""
        if not SMALLEST_BUDGET <= budget <= MOST_BUDGET:
            raise InvalidQuery(field="budget", value=budget, smallest=SMALLEST_BUDGET, largest=MOST_BUDGET)
        wanted = _kinds(kinds)
        unique = list({source.name: source for source in self._sources.values()}.values())
        await self._search.refresh(principal.tenant, unique)
        answers = await self._found(principal, query, wanted)
        choices = [
            [{"kind": found.kind, "id": found.id, **form} for form in forms]
            for found in mixed(answers.found)
            if (forms := await self._sources[found.kind].tell(principal, found))
        ]
        items = tuple(dict(told) for told in fitted(choices, budget))
        return Discovered(
            query=query,
            budget=budget,
            tokens=tokens(items),
            items=items,
            count=len(items),
            left_out=len(choices) - len(items),
            semantic=answers.semantic,
            note=answers.note,
        )

    async def _found(self, principal: Principal, query: str, kinds: tuple[Kind, ...]) -> Answers:
        """Return the best of all kinds, and the best of each kind that is not among them."""
        told_of = tuple(kind for kind in kinds if kind in self._sources)
        answers = await self._search.find(principal, query, kinds=told_of, limit=_FOUND)
        found: list[Found] = list(answers.found)
        for kind in told_of:
            if not any(each.kind == kind for each in answers.found):
                more = await self._search.find(principal, query, kinds=(kind,), limit=_EACH)
                found += (msgspec.structs.replace(each, score=each.score / 2) for each in more.found)
        return msgspec.structs.replace(answers, found=tuple(found))


def _kinds(names: Sequence[str]) -> tuple[Kind, ...]:
    known: tuple[Kind, ...] = get_args(Kind)
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise InvalidQuery(field="kind", value=unknown[0][:100], known=list(known))
    return tuple(kind for kind in known if not names or kind in names)
