"""From where a run is run again, and what of the earlier one is kept."""

from collections.abc import Sequence

from muelle.engine import Past, StepFinished, ValueKept
from muelle.workflows.errors import InvalidDestination
from muelle.workflows.plan import Plan
from muelle.workflows.storage import SESSION


def kept_before(plan: Plan, past: Sequence[Past], origin: str) -> list[Past]:
    """Return what a new run takes over: the steps before `origin` in the main order, and what they stored for it."""
    main = [node.id for node in plan.main.nodes]
    if origin not in main:
        raise InvalidDestination(operation=origin[:100], operations=main[:50])
    kept: set[str] = set()
    unseen = main[: main.index(origin)]
    while unseen:
        name = unseen.pop()
        if name not in kept:
            kept.add(name)
            unseen.extend(plan.nodes[name].children)
    taken: list[Past] = [
        entry
        for entry in past
        if (isinstance(entry, StepFinished) and entry.operation in kept)
        or (isinstance(entry, ValueKept) and entry.name.startswith(SESSION))
    ]
    # What is stored for the run's time comes before the step that stores it; behind the last step it is others'.
    while taken and isinstance(taken[-1], ValueKept):
        taken.pop()
    return taken
