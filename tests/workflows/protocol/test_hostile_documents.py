"""A document of a mebibyte that means harm is planned, or refused, within two seconds."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from workflows.protocol.protocol_world import NAP, api, begin, doc, flat, give, look

SECONDS = 2.0
Hostile = dict[str, Callable[[], bytes]]


def fill(make: Callable[[int], Any], count: int, *more: Any) -> bytes:
    return doc(*(make(number) for number in range(count)), *more)


def parallel(*branches: str) -> dict[str, Any]:
    return {"Parallel": {"branches": list(branches)}}


def bipartite(layers: int, width: int, leaf: Any) -> bytes:
    """Return layers in which every operation refers to all of the next."""
    below = [
        flat(f"l{layer}x{item}", parallel(*(f"l{layer + 1}x{other}" for other in range(width))))
        for layer in range(layers)
        for item in range(width)
    ]
    return doc(*below, *(flat(f"l{layers}x{item}", leaf) for item in range(width)))


def patterns(name: str, count: int) -> list[dict[str, Any]]:
    """Return conditions with patterns that take long to compile."""
    return [{"field": "a", "operator": "matches", "value": f"{name}{number}[a-z]{{1,900}}"} for number in range(count)]


def conditions(count: int) -> list[dict[str, Any]]:
    return [{"path": "/input/x", "operator": "matches", "value": item["value"]} for item in patterns("k", count)]


def keep(given: Any) -> dict[str, Any]:
    return {"FilterData": {"inputPath": "/input/x", "conditions": given, "outputPath": "/workflow/o"}}


def diamonds(count: int) -> bytes:
    """Return pairs of branches that both lead to both of the next pair: 2^count ways through them."""
    below = [
        flat(f"{side}{level}", parallel(f"a{level + 1}", f"b{level + 1}")) for level in range(count) for side in "ab"
    ]
    return doc(*below, flat(f"a{count}", NAP), flat(f"b{count}", NAP))


def reads(names: list[str], output: str = "/workflow/answer") -> dict[str, Any]:
    """Return an operation that waits and reads all of these."""
    return api("https://a.example/", output, query={"q": [f"/workflow/{name}" for name in names]})


def secrets(count: int) -> list[Any]:
    return [{"credentialRef": {"id": f"c{number}"}} for number in range(count)]


def decide(**more: Any) -> dict[str, Any]:
    return {"Conditional": {"ifTrue": [], **more}}


def seeds(path: str, *contents: Any) -> dict[str, Any]:
    return {"dataModelUpdate": {"path": path, "contents": list(contents)}}


HOSTILE: Hostile = {
    "80,000 unknown fields": lambda: doc(flat("a", {"Wait": {f"f{n}": 1 for n in range(80_000)}})),
    "80,000 unknown members": lambda: doc({**flat("a", NAP), **{f"f{n}": 1 for n in range(80_000)}}),
    "unknown fields everywhere": lambda: fill(
        lambda n: flat(f"a{n}", {"Wait": {f"duratiom{k}": 1 for k in range(55)}}), 900
    ),
    "9,000 messages": lambda: fill(lambda n: flat(f"a{n}", NAP), 9_000),
    "500,000 empty messages": lambda: b"{}" * 500_000,
    "500,000 numbers": lambda: b"1 " * 500_000,
    "an id again and again": lambda: fill(lambda _: flat("a", NAP), 9_000),
    "a long id": lambda: doc(flat("a" * 1_000_000, NAP)),
    "a long type": lambda: doc(flat("a", {"W" * 1_000_000: {}})),
    "a long field": lambda: doc(flat("a", {"Wait": {"d" * 1_000_000: 1}})),
    "a long message": lambda: doc({"type": "o" * 1_000_000}),
    "a long choice": lambda: doc(flat("a", api("https://a.example/", method="G" * 1_000_000))),
    "999 unknown types": lambda: fill(lambda n: flat(f"a{n}", {f"Wiat{n}": {}}), 999),
    "diamonds": lambda: diamonds(60),
    "many diamonds": lambda: diamonds(400),
    "all refer to all": lambda: bipartite(15, 55, NAP),
    "all refer to all that read much": lambda: bipartite(
        13, 55, reads([f"x{n}" for n in range(400)])
    ),
    "a long chain": lambda: fill(lambda n: flat(f"c{n}", parallel(f"c{n + 1}")), 999, flat("c999", NAP)),
    "a long cycle": lambda: fill(lambda n: flat(f"c{n}", parallel(f"c{(n + 1) % 1000}")), 1000),
    "one operation 200,000 times in the order": lambda: doc(flat("a", NAP), begin(*["a"] * 200_000)),
    "100,000 unknown operations in the order": lambda: doc(flat("a", NAP), begin(*(f"x{n}" for n in range(90_000)))),
    "100,000 unknown operations in a branch": lambda: doc(flat("a", parallel(*(f"x{n}" for n in range(90_000))))),
    "200,000 times the same branch": lambda: doc(flat("a", parallel(*["b"] * 200_000)), flat("b", NAP)),
    "50,000 unknown references": lambda: doc(flat("a", give([f"/workflow/x{n}" for n in range(45_000)]))),
    "35,000 references beside what many write": lambda: fill(
        lambda n: flat(f"o{n}", give(n, f"/workflow/o{n}")), 990, flat("a", reads([f"o{n}x" for n in range(35_000)]))
    ),
    "70,000 references in a text": lambda: doc(flat("a", give("{/workflow/a}" * 70_000))),
    "references of many operations": lambda: fill(
        lambda n: flat(f"o{n}", reads([f"o{n}x{k}" for k in range(40)], f"/workflow/o{n}")), 800
    ),
    "braces": lambda: doc(flat("a", give("{" * 1_000_000))),
    "open references": lambda: doc(flat("a", give("{/workflow/" * 90_000))),
    "a long path": lambda: doc(flat("a", give(1, "/workflow" + "/x" * 500_000))),
    "many long paths": lambda: fill(lambda n: flat(f"a{n}", give(1, f"/workflow/{n}" + "/x" * 400)), 990),
    "a path of brackets": lambda: doc(flat("a", give(1, "/workflow/" + "[0]" * 300_000))),
    "16,000 credentials": lambda: doc(
        flat("a", api("https://a.example/", headers={f"h{n}": item for n, item in enumerate(secrets(16_000))}))
    ),
    "24,000 credentials in a list": lambda: doc(flat("a", api("https://a.example/", body=secrets(24_000)))),
    "9,000 expensive patterns": lambda: fill(lambda n: flat(f"a{n}", keep(patterns(f"k{n}", 10))), 900),
    "9,000 patterns in 90 operations": lambda: fill(lambda n: flat(f"a{n}", keep(patterns(f"k{n}", 100))), 90),
    "9,000 expensive conditions": lambda: doc(
        flat("a", decide(conditions=conditions(9_000)))
    ),
    "500 long expressions": lambda: fill(
        lambda n: flat(f"a{n}", decide(expression=f"workflow.x{n} > 1 && " * 80 + "true")), 500
    ),
    "20,000 unknown operators": lambda: doc(flat("a", keep([{"field": "a", "operator": "zzz"}] * 20_000))),
    "25,000 seeded roots": lambda: doc(seeds("/", *({"key": f"k{n}", "valueMap": []} for n in range(25_000)))),
    "seeded roots again and again": lambda: fill(lambda n: seeds("/", {"key": f"r{n}", "valueString": ""}), 9_000),
    "seeds below a long path": lambda: doc(seeds("/config" + "/a" * 400_000), flat("a", NAP)),
    "seeds below a deep path": lambda: doc(seeds("/config" + "/a" * 2_000), flat("a", NAP)),
    "seeds of no kind": lambda: doc(seeds("/config", *[1] * 300_000)),
    "500,000 open lists": lambda: b"[" * 500_000,
    "500,000 lists": lambda: b"[" * 500_000 + b"]" * 500_000,
    "a million backslashes": lambda: b'"' + b"\\" * 1_000_000,
    "escaped quotes before half a pair": lambda: b'"' + b'\\"' * 400_000 + b'\\ud800"',
    "escaped quotes before a huge number": lambda: b'"' + b'\\"' * 400_000 + b'" 1e999',
    "numbers before a huge number": lambda: b"1 " * 500_000 + b"1e999",
    "a million digits": lambda: b"1" * 1_000_000,
    "an exponent of a million digits": lambda: b"1e" + b"9" * 1_000_000,
    "no UTF-8": lambda: b'"' + b"\xff" * 1_000_000 + b'"',
    "a million lines": lambda: b"\n" * 1_000_000 + b"x",
    "a long date": lambda: doc(flat("a", {"Wait": {"until": "2" * 1_000_000}})),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_planned_or_refused_in_time(name: str) -> None:
    document = HOSTILE[name]()
    assert len(document) <= 1 << 20
    start = time.thread_time()
    outcome = look(document)
    assert time.thread_time() - start < SECONDS
    assert len(outcome.issues) <= 100
    assert len(json.dumps([issue.message for issue in outcome.issues])) < 100_000


def test_a_document_whose_patterns_take_too_long_to_check_is_refused_with_its_own_code() -> None:
    [issue] = look(HOSTILE["9,000 expensive patterns"]()).issues
    assert issue.code == "too_costly_to_check"
    assert issue.suggestion
