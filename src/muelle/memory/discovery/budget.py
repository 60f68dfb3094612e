"""Which of what was found is told, and in how much detail. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from muelle.memory.search.model import Found

Told = Mapping[str, Any]

_BYTES = 4  # of JSON to a token, on average
_SHARE = 3  # of the budget: one item takes no more than a third of it, so that others have their place
_AGAIN = 0.35  # how much less each further item of a kind counts


def tokens(told: object) -> int:
    """Return about how many tokens a value is worth in JSON."""
    return -(-len(msgspec.json.encode(told)) // _BYTES)


def mixed(found: Sequence[Found]) -> list[Found]:
    """Return what was found, best first, so that no kind crowds out the others."""
    left = {kind: [each for each in found if each.kind == kind] for kind in dict.fromkeys(each.kind for each in found)}
    taken: Counter[str] = Counter()
    order: list[Found] = []
    while left:
        kind = max(left, key=lambda name: left[name][0].score / (1 + _AGAIN * taken[name]))
        order.append(left[kind].pop(0))
        taken[kind] += 1
        if not left[kind]:
            del left[kind]
    return order


def fitted(choices: Sequence[Sequence[Told]], budget: int) -> list[Told]:
    """Return of each choice, which has forms from the fullest to the shortest, the one that fits, best first.

    First all that fit in their shortest form have their place; then the best have what is left. Together they are
    worth no more than the budget.
    """
    left = budget - 1  # the brackets
    places: list[tuple[Sequence[Told], int]] = []
    for forms in choices:
        cost = _cost(forms[-1])
        if cost <= left:
            places.append((forms, len(forms) - 1))
            left -= cost
    told: list[Told] = []
    for forms, shortest in places:
        kept = _cost(forms[shortest])
        most = min(left + kept, max(kept, budget // _SHARE))
        best = next(index for index in range(shortest + 1) if index == shortest or _cost(forms[index]) <= most)
        left -= _cost(forms[best]) - kept
        told.append(forms[best])
    return told


def _cost(told: Told) -> int:
    return tokens(told) + 1
