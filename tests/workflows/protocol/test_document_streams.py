"""Section 1.1: a document is a stream of JSON values; a syntax error says where it is, and nothing runs."""

import json

import pytest

from muelle.engine import RunFilter
from muelle.workflows import InvalidDocument, Issue
from workflows.protocol.protocol_world import NAP, Dock, begin, doc, flat, look, nested, order_of, start

VALID = [flat("a", NAP), flat("b", NAP), begin("a", "b")]


def syntax(document: bytes) -> Issue:
    """Return the one issue of an unreadable document."""
    outcome = look(document)
    assert outcome.plan is None
    [issue] = outcome.issues
    assert issue.code == "syntax_error"
    return issue


@pytest.mark.parametrize(
    "joined",
    [
        "\n".join(json.dumps(message) for message in VALID),
        "\n\n  \n".join(json.dumps(message) for message in VALID) + "\n",
        "\r\n".join(json.dumps(message) for message in VALID) + "\r\n",
        "".join(json.dumps(message) for message in VALID),
        "\t".join(json.dumps(message, indent=4) for message in VALID),
        "\n".join(json.dumps(message, indent="\t") for message in VALID),
        "\ufeff" + "\n".join(json.dumps(message) for message in VALID),
    ],
    ids=["a line each", "blank lines", "CRLF", "nothing between", "pretty-printed", "tabs", "byte order mark"],
)
def test_values_may_follow_each_other_in_any_way_that_json_allows(joined: str) -> None:
    plan = look(joined).plan
    assert plan is not None
    assert [node.id for node in plan.main.nodes] == ["a", "b"]


def test_lines_and_pretty_printed_values_mix() -> None:
    assert order_of(json.dumps(nested(("a", NAP), ("b", NAP)), indent=2), start("b")) == ["b", "a"]


@pytest.mark.parametrize(
    ("document", "line", "column", "byte"),
    [
        (b'{"a": 1}}', 1, 9, 8),
        (b'{"a": 1}\n{"b": x}', 2, 7, 15),
        (b'{"a": 1}\r\n{"b": x}', 2, 7, 16),
        (b'{\n  "a": 1,\n  "b" 2\n}', 3, 7, 18),
        ('{"é": x}'.encode(), 1, 7, 7),
        ('{"日本😀": x}'.encode(), 1, 9, 15),
        ('{"日本": 1}\n{"ñ": x}'.encode(), 2, 7, 21),
        (b'\xef\xbb\xbf{"a": x}', 1, 7, 9),
        ('\ufeff{"é": 1}\n{"é" 1}'.encode(), 2, 6, 19),
        (b"{'a': 1}", 1, 2, 1),
        (b'{"a": 1,}', 1, 9, 8),
        (b'{"a": NaN}', 1, 7, 6),
        (b'{"a": 1e999}', 1, 7, 6),
        (b'{"a": -1e999, "b": 2}', 1, 7, 6),
        (b'{"1e999": 1}\n\n{"a": "1e999", "b": 1e400}', 3, 21, 34),
        (b'{"a": "x\ny"}', 1, 9, 8),
        (b'{"a": "\xff"}', 1, 8, 7),
        (b'{}\n{"a": "\xc3\x28"}', 2, 8, 10),
        (b'{"a": "\\ud800"}', 1, 8, 7),
        (b'{"a": "\\ud83d\\ude00 \\\\ud800 \\ud83d"}', 1, 29, 28),
        (b'{"a": 1}\n{"b": [1, 2', 2, 12, 20),
        (b'{"a": "x', 1, 9, 8),
        (b'{}\n{"a": 1}\n\x00', 3, 1, 12),
        (b"\xff\xfe{}", 1, 1, 0),
    ],
)
def test_a_syntax_error_names_line_column_and_byte(document: bytes, line: int, column: int, byte: int) -> None:
    issue = syntax(document)
    assert issue.message.endswith(f" at line {line}, column {column} (byte {byte})")
    assert issue.suggestion


@pytest.mark.parametrize(
    "document",
    [b"[" * 10_000, b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000],
)
def test_nesting_that_would_exhaust_the_reader_is_too_deep(document: bytes) -> None:
    [issue] = look(document).issues
    assert issue.code == "too_deep"


def test_only_one_byte_order_mark_is_skipped_and_only_at_the_beginning() -> None:
    assert syntax(b"\xef\xbb\xbf\xef\xbb\xbf{}").message.endswith("line 1, column 1 (byte 3)")
    assert syntax(b"{}\n\xef\xbb\xbf{}").message.endswith("line 2, column 1 (byte 3)")


def test_a_number_with_more_digits_than_the_reader_holds_is_an_error_with_its_place() -> None:
    issue = syntax(b'{"a": ' + b"9" * 5_000 + b"}")
    assert issue.message.endswith("line 1, column 7 (byte 6)")


async def test_nothing_runs_if_the_last_line_is_broken(dock: Dock) -> None:
    store = {"StoreData": {"inputPath": "/config", "storage": "file", "key": "proof"}}
    with pytest.raises(InvalidDocument) as caught:
        await dock.app.workflows.run(dock.me, doc(flat("a", store), "{"))
    assert caught.value.facts["issues"][0]["code"] == "syntax_error"
    assert await dock.app.stores.blobs.get(dock.me.tenant, "stored/proof") is None
    listed = await dock.app.stores.journal.runs(dock.me.tenant, RunFilter(), 10)
    assert listed.runs == ()


@pytest.mark.parametrize("document", [b"", b" \n\t\r\n", b"\xef\xbb\xbf"])
def test_a_document_without_messages_has_no_operations(document: bytes) -> None:
    [issue] = look(document).issues
    assert (issue.code, bool(issue.suggestion)) == ("no_operations", True)


@pytest.mark.parametrize("value", ["null", "1", '"operationUpdate"', "[]", '[{"type": "beginExecution"}]', "true"])
def test_a_value_that_is_no_object_is_no_message_and_is_pointed_at(value: str) -> None:
    issue = look(doc(*VALID, value)).issues[0]
    assert (issue.code, issue.path) == ("not_a_message", "/3")
