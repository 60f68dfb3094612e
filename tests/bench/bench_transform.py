"""A million rows through FilterData and TransformData, beside the list code that one would write by hand.

Run it with `.venv/bin/python tests/bench/bench_transform.py [ROWS]`. Each pair gives equal results; the time of each is
the median of five, taken in turn. The last line is the worst ratio of ours to hand-written code, by the clock; the line
before it is the same of processor time, which other programs on the machine disturb less.
"""

import gc
import random
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, cast

import msgspec

from muelle.core import PrincipalId, RunId, TenantId
from muelle.packs import Limits, Step
from muelle.workflows.operations import BUILT_IN

Rows = list[dict[str, Any]]
TYPES = {operation.name: operation for operation in BUILT_IN.operations}
ROUNDS = 5
CITIES = ["Madrid", "Lisboa", "Porto", "Sevilla", "Bilbao", "Vigo", "Faro", "Cádiz"]


class BenchStep:
    """The data at /workflow/rows, and nothing else."""

    limits = Limits()
    now = datetime(2026, 1, 1, tzinfo=UTC)
    tenant, principal, run = TenantId("t"), PrincipalId("p"), RunId("r")

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def read(self, _: str) -> Rows:
        """Return the rows."""
        return self.rows


def make_rows(count: int) -> Rows:
    """Return records as an API gives them; every tenth has no e-mail address."""
    chance = random.Random(7)  # noqa: S311 - measured data
    rows: Rows = []
    for index in range(count):
        row = {
            "id": index,
            "points": chance.randrange(1000),
            "price": chance.random() * 100,
            "city": chance.choice(CITIES),
            "active": chance.random() < 0.5,
            "address": {"zip": chance.randrange(50_000)},
        }
        if index % 10:
            row["email"] = f"user{index}@example.com"
        rows.append(row)
    return rows


def ours(name: str, rows: Rows, **config: Any) -> Callable[[], Any]:
    """Return the operation, ready to run."""
    kind = TYPES[name]
    parsed = msgspec.convert({"inputPath": "/workflow/rows", "outputPath": "/workflow/y", **config}, kind.config)
    step = cast("Step[Any]", BenchStep(rows))
    return lambda: kind.perform(parsed, step)


def filtered(rows: Rows, *conditions: tuple[str, str, Any], match: str = "all") -> Callable[[], Any]:
    """Return a FilterData."""
    written = [{"field": field, "operator": operator, "value": value} for field, operator, value in conditions]
    return ours("FilterData", rows, conditions=written, match=match)


def transformed(rows: Rows, transform: str, **config: Any) -> Callable[[], Any]:
    """Return a TransformData."""
    return ours("TransformData", rows, transform=transform, config=config)


def grouped(rows: Rows, field: str) -> dict[str, Rows]:
    """Return the rows by a field, by hand."""
    groups = defaultdict(list)
    for row in rows:
        groups[row[field]].append(row)
    return dict(groups)


def first_of_each(rows: Rows, field: str) -> Rows:
    """Return the first row of each value, by hand."""
    seen = set()
    first = []
    for row in rows:
        if row[field] not in seen:
            seen.add(row[field])
            first.append(row)
    return first


Pair = tuple[str, Callable[[], Any], Callable[[], Any]]


def pairs(rows: Rows) -> list[Pair]:
    """Return name, ours, and the hand-written code."""
    return [*filters(rows), *transforms(rows)]


def filters(rows: Rows) -> list[Pair]:
    return [
        ("filter points > 500", filtered(rows, ("points", ">", 500)), lambda: [r for r in rows if r["points"] > 500]),
        ("filter points < 500", filtered(rows, ("points", "<", 500)), lambda: [r for r in rows if r["points"] < 500]),
        ("filter city ==", filtered(rows, ("city", "==", "Porto")), lambda: [r for r in rows if r["city"] == "Porto"]),
        (
            "filter two, all",
            filtered(rows, ("points", ">", 500), ("city", "==", "Porto")),
            lambda: [r for r in rows if r["points"] > 500 and r["city"] == "Porto"],
        ),
        (
            "filter two, any",
            filtered(rows, ("points", ">", 900), ("city", "==", "Porto"), match="any"),
            lambda: [r for r in rows if r["points"] > 900 or r["city"] == "Porto"],
        ),
        (
            "filter city in",
            filtered(rows, ("city", "in", ["Porto", "Faro"])),
            lambda: [r for r in rows if r["city"] in ("Porto", "Faro")],
        ),
        (
            "filter address.zip >=",
            filtered(rows, ("address.zip", ">=", 40_000)),
            lambda: [r for r in rows if r["address"]["zip"] >= 40_000],
        ),
        (
            "filter email endsWith, some missing",
            filtered(rows, ("email", "endsWith", "9@example.com")),
            lambda: [r for r in rows if "email" in r and r["email"].endswith("9@example.com")],
        ),
        ("filter active == true", filtered(rows, ("active", "==", True)), lambda: [r for r in rows if r["active"]]),
    ]


def transforms(rows: Rows) -> list[Pair]:
    return [
        (
            "sort points",
            transformed(rows, "sort", field="points"),
            lambda: sorted(rows, key=itemgetter("points")),
        ),
        (
            "sort price desc",
            transformed(rows, "sort", field="price", order="desc"),
            lambda: sorted(rows, key=itemgetter("price"), reverse=True),
        ),
        (
            "sort city, points",
            transformed(rows, "sort", fields=["city", "points"]),
            lambda: sorted(rows, key=itemgetter("city", "points")),
        ),
        ("group city", transformed(rows, "group", field="city"), lambda: grouped(rows, "city")),
        (
            "group points",
            transformed(rows, "group", field="points"),
            lambda: {str(key): group for key, group in grouped(rows, "points").items()},
        ),
        (
            "aggregate sum by city",
            transformed(rows, "aggregate", field="points", operation="sum", groupBy="city"),
            lambda: {"result": {key: sum(r["points"] for r in group) for key, group in grouped(rows, "city").items()}},
        ),
        (
            "map two fields",
            transformed(rows, "map", fields={"id": "key", "city": "town"}),
            lambda: [{"key": r["id"], "town": r["city"]} for r in rows],
        ),
        (
            "distinct city",
            transformed(rows, "distinct", field="city"),
            lambda: first_of_each(rows, "city"),
        ),
    ]


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Return the seconds that it took by the clock and of the processor, and what it gave."""
    start, start_processor = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - start, time.process_time() - start_processor, result


def compare(name: str, work: Callable[[], Any], by_hand: Callable[[], Any]) -> tuple[float, float]:
    """Print the medians of both in turn; return their ratio by the clock and of processor time."""
    mine: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        *took, result = timed(work)
        *took_by_hand, expected = timed(by_hand)
        mine.append((took[0], took[1]))
        theirs.append((took_by_hand[0], took_by_hand[1]))
        if result != expected:
            raise SystemExit(f"{name}: results differ")
        del result, expected
    wall, processor = (
        (statistics.median(pair[kind] for pair in mine), statistics.median(pair[kind] for pair in theirs))
        for kind in (0, 1)
    )
    ratios = wall[0] / wall[1], processor[0] / processor[1]
    print(f"{name:36} {wall[0] * 1e3:8.1f} ms {wall[1] * 1e3:8.1f} ms  {ratios[0]:5.2f}  cpu {ratios[1]:5.2f}")
    return ratios


def main() -> None:
    """Print each ratio and the worst."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rows = make_rows(count)
    gc.collect()
    gc.freeze()
    ratios = [compare(*pair) for pair in pairs(rows)]
    print(f"million_rows_cpu_ratio {max(processor for _, processor in ratios):.2f}")
    print(f"million_rows_ratio {max(wall for wall, _ in ratios):.2f}")


if __name__ == "__main__":
    main()
