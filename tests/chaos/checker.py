"""The judge: what was acknowledged, what Muelle says became of it, and what the world outside saw. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chaos.ledger import Sighting
from chaos.shapes import Shape

SLACK = 0.02  # seconds by which a wait may seem short: two clocks, and the way from the server
Effects = Mapping[str, Sequence[Sighting]]


@dataclass(frozen=True)
class Promise:
    """A submission that was acknowledged, with each run that it was told to be; there must be one."""

    ticket: str
    shape: Shape
    runs: frozenset[str]


@dataclass(frozen=True)
class Seen:
    """A run as Muelle shows it. `steps` are (operation, iteration, status); `takeovers` is how often it was resumed.

    `reason` says what went wrong, for whoever reads the findings.
    """

    run: str
    status: str
    steps: tuple[tuple[str, str, str], ...] = ()
    takeovers: int = 0
    reason: str = ""


@dataclass
class Findings:
    """What is wrong, a sentence each, and what is merely worth knowing.

    `lost` and `doubled` are what they say; `wrong` is any other broken promise: too early, changed, unasked for.
    """

    runs: int = 0
    effects: int = 0
    repeated: int = 0
    recovered: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.doubled or self.wrong)


def judge(promises: Sequence[Promise], runs: Mapping[str, Seen], sightings: Iterable[Sighting]) -> Findings:
    """Compare the three."""
    by_ticket: dict[str, dict[str, list[Sighting]]] = defaultdict(lambda: defaultdict(list))
    findings = Findings(runs=len(promises))
    for sighting in sightings:
        by_ticket[sighting.ticket][sighting.effect].append(sighting)
        findings.effects += 1
        findings.repeated += sighting.times - 1
    for promise in promises:
        effects = by_ticket.pop(promise.ticket, {})
        findings.lost += _lost(promise, runs, effects)
        findings.doubled += _doubled(promise, runs, effects)
        findings.wrong += _wrong(promise, effects)
    findings.recovered = sum(run.takeovers > 0 for run in runs.values())
    findings.wrong += [f"{ticket}: has effects, and was never acknowledged" for ticket in by_ticket]
    promised = {run for promise in promises for run in promise.runs}
    findings.wrong += [f"{run}: is listed, and was never acknowledged" for run in runs if run not in promised]
    return findings


def _lost(promise: Promise, runs: Mapping[str, Seen], effects: Effects) -> Iterator[str]:
    for run in sorted(promise.runs):
        if run not in runs:
            yield f"{promise.ticket}: {run} was acknowledged and is not there"
        elif runs[run].status != "success":
            yield f"{promise.ticket}: {run} is {runs[run].status} {runs[run].reason}".rstrip()
    missing = [effect for effect in promise.shape.effects if effect not in effects]
    if missing:
        yield f"{promise.ticket}: {', '.join(sorted(promise.runs))} never did {', '.join(missing)}"


def _doubled(promise: Promise, runs: Mapping[str, Seen], effects: Effects) -> Iterator[str]:
    if len(promise.runs) > 1:
        yield f"{promise.ticket}: one submission became {', '.join(sorted(promise.runs))}"
    for effect, seen in effects.items():
        if len(seen) > 1:
            yield f"{promise.ticket}: {effect} was done under the keys {', '.join(one.key for one in seen)}"
    for run in promise.runs & runs.keys():
        steps = [(operation, iteration) for operation, iteration, _ in runs[run].steps]
        twice = {step for step in steps if steps.count(step) > 1} if len(set(steps)) < len(steps) else ()
        for operation, iteration in sorted(twice):
            yield f"{promise.ticket}: {run} has {operation} {iteration} twice in its journal"


def _wrong(promise: Promise, effects: Effects) -> Iterator[str]:
    for effect, seen in effects.items():
        if effect not in promise.shape.effects:
            yield f"{promise.ticket}: did {effect}, which nobody asked for"
            continue
        for one in seen:
            if one.is_changed:
                yield f"{promise.ticket}: {effect} was repeated with another body under {one.key}"
            if not one.key:
                yield f"{promise.ticket}: {effect} had no idempotency key"
            yield from _out_of_order(promise, one, effects)


def _out_of_order(promise: Promise, one: Sighting, effects: Effects) -> Iterator[str]:
    earlier = promise.shape.effects[one.effect]
    if earlier is None:
        return
    before = effects.get(earlier, ())
    if one.after not in {seen.receipt for seen in before}:
        yield f"{promise.ticket}: {one.effect} remembers receipt {one.after} of {earlier}, which was never given"
        return
    waited = one.first_at - min(seen.first_at for seen in before)
    if waited < promise.shape.wait / 1000 - SLACK:
        yield f"{promise.ticket}: {one.effect} came {waited:.3f} s after {earlier}, not {promise.shape.wait} ms"
