"""Every vector of the A2E reference executor that the protocol does not override, and those that it decides anew."""

from typing import Any

import pytest

from muelle.core import MuelleError
from muelle.packs import Json
from operations.operations_world import FakeStep, perform, run

MADRID = "Europe/Madrid"


@pytest.mark.parametrize(
    ("value", "config", "expected"),
    [
        ("2024-01-31", {"operation": "add", "months": 1, "calendar": False}, "2024-03-01T00:00:00+00:00"),
        ("2024-02-29", {"operation": "subtract", "years": 1, "calendar": False}, "2023-03-01T00:00:00+00:00"),
        (
            "2024-03-30T12:00+01:00",
            {"operation": "add", "days": 1, "timezone": MADRID, "calendar": False},
            "2024-03-31T12:00:00+01:00",
        ),
        ("2024-01-31", {"operation": "add", "months": 1}, "2024-02-29T00:00:00+00:00"),
        ("2024-02-29", {"operation": "subtract", "years": 1}, "2023-02-28T00:00:00+00:00"),
        ("2024-03-30T12:00+01:00", {"operation": "add", "days": 1, "timezone": MADRID}, "2024-03-31T12:00:00+02:00"),
        ("2024-03-30T12:00", {"operation": "add", "hours": 24, "timezone": MADRID}, "2024-03-31T13:00:00+02:00"),
        ("2024-03-30T02:30", {"operation": "add", "days": 1, "timezone": MADRID}, "2024-03-31T03:30:00+02:00"),
        ("2024-03-30T12:00+01:00", {"operation": "add", "days": 1}, "2024-03-31T12:00:00+01:00"),
        (0, {"operation": "add", "seconds": 1.5, "format": "timestamp"}, 1.5),
        (
            "2024-01-01",
            {"operation": "add", "days": 30, "hours": 12, "format": "custom", "formatString": "%d/%m"},
            "31/01",
        ),
        ({"year": 2024, "month": 2, "day": 29}, {"operation": "add", "years": 4}, "2028-02-29T00:00:00+00:00"),
    ],
)
def test_dates_are_calculated(value: Json, config: dict[str, Json], expected: Json) -> None:
    assert perform("DateCalculation", value, **config) == expected


def test_a_meeting_in_new_york_is_six_hours_later_in_madrid() -> None:
    there = perform(
        "ConvertTimezone", "2024-07-01 12:00:00", fromTimezone="America/New_York", toTimezone="Europe/Madrid"
    )
    assert there == "2024-07-01T18:00:00+02:00"


@pytest.mark.parametrize(
    ("value", "config", "expected"),
    [
        (2.675, {"operation": "round"}, 2.67),
        ([1, "2", "x", True], {"operation": "sum"}, 4.0),
        ([], {"operation": "average"}, 0),
        ([10, 20, 30], {"operation": "average"}, 20.0),
        (5, {"operation": "add", "operand": 10}, 15),
        ("5", {"operation": "multiply", "operand": "3"}, 15.0),
        (3.14159, {"operation": "round", "precision": 2}, 3.14),
        (7, {"operation": "divide", "operand": 2}, 3.5),
        (-7, {"operation": "modulo", "operand": 3}, 2),
        (2, {"operation": "power", "operand": 10}, 1024),
        (1.2, {"operation": "ceil"}, 2),
        (1.8, {"operation": "floor"}, 1),
        (-3, {"operation": "abs"}, 3),
        (3, {"operation": "max", "operand": 5}, 5),
        ([3, 5, 1], {"operation": "min"}, 1),
    ],
)
def test_numbers_are_calculated(value: Json, config: dict[str, Json], expected: Json) -> None:
    result = perform("Calculate", value, **config)
    assert (result, type(result)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("value", "config", "message"),
    [
        (5, {"operation": "add"}, "operand is required for 'add' operation"),
        (5, {"operation": "divide", "operand": 0}, "Division by zero"),
        (0, {"operation": "power", "operand": -1}, "Division by zero"),
        ("abc", {"operation": "abs"}, "Cannot convert 'abc' to number"),
        (5, {"operation": "add", "operand": "x"}, "Cannot convert operand 'x' to number"),
        ({}, {"operation": "abs"}, "Input must be a number, got <class 'dict'>"),
    ],
)
def test_a_calculation_without_result_says_why(value: Json, config: dict[str, Json], message: str) -> None:
    with pytest.raises(MuelleError) as failure:
        perform("Calculate", value, **config)
    assert (failure.value.code, failure.value.message) == ("calculation_failed", message)


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("upper", "HELLO WORLD"),
        ("lower", "hello world"),
        ("title", "Hello World"),
        ("capitalize", "Hello world"),
        ("trim", "hELLO wORLD"),
    ],
)
def test_text_changes_its_case(style: str, expected: str) -> None:
    assert perform("FormatText", "hELLO wORLD", format=style) == expected


def test_a_template_is_filled_from_an_object() -> None:
    data = {"name": "Alice", "points": 100, "a": {"b": [True, None]}}
    filled = perform("FormatText", data, format="template", template="{{{name}}} {points} {a.b[0]} {a.b[1]}")
    assert filled == "{Alice} 100 True None"


def test_a_template_of_a_scalar_knows_value() -> None:
    assert perform("FormatText", 7, format="template", template="={value}") == "=7"


def test_replacements_are_applied_in_order() -> None:
    replaced = perform("FormatText", "old test", format="replace", replacements={"old": "test", "test": "new"})
    assert replaced == "new new"


@pytest.mark.parametrize(
    ("pattern", "every", "expected"),
    [
        ("@([a-z.]+)", False, "@b.co"),
        ("@([a-z.]+)", True, ["b.co", "d.org"]),
        ("[a-z]@", True, ["a@", "c@"]),
        ("([a-z])@([a-z])", True, [["a", "b"], ["c", "d"]]),
        ("[0-9]", False, None),
        ("[0-9]", True, []),
        (r"org\Z", False, "org"),
    ],
)
def test_text_is_extracted(pattern: str, expected: Json, *, every: bool) -> None:
    assert perform("ExtractText", "a@b.co c@d.org", pattern=pattern, extractAll=every) == expected


@pytest.mark.parametrize(("word", "expected"), [(r"\w", ["Jos", "and"]), (r"[\pL\pN_]", ["José", "ñandú"])])
def test_words_of_every_language_are_found_as_the_reference_page_says(word: str, expected: Json) -> None:
    assert perform("ExtractText", "José, ñandú", pattern=f"{word}{{2,}}", extractAll=True) == expected


@pytest.mark.parametrize(
    ("value", "encoding", "operation", "expected"),
    [
        ("Hello World", "base64", "encode", "SGVsbG8gV29ybGQ="),
        ("SGVsbG8gV29ybGQ=", "base64", "decode", "Hello World"),
        ({"a": 1}, "base64", "encode", "eydhJzogMX0="),
        ("!!!", "base64", "decode", ""),
        ("hello world/ñ", "url", "encode", "hello%20world/%C3%B1"),
        ("a+b%20c", "url", "decode", "a+b c"),
        ("<b>'x'", "html", "encode", "&lt;b&gt;&#x27;x&#x27;"),
        ("&lt;&eacute;", "html", "decode", "<é"),
    ],
)
def test_text_is_encoded_and_decoded(value: Json, encoding: str, operation: str, expected: str) -> None:
    assert perform("EncodeDecode", value, encoding=encoding, operation=operation) == expected


@pytest.mark.parametrize(
    ("kind", "good", "bad", "error"),
    [
        ("email", "user@example.com", "invalid-email", "Invalid email format"),
        ("url", "https://example.com", "example", "Invalid URL format"),
        ("number", "123.45", "x", "Not a valid number"),
        ("integer", "-12", "1.5", "Not a valid integer"),
        ("phone", "+34 (600) 12-34-56", "600-123", "Invalid phone number format"),
        ("date", "2024-02-29", "2024-02-30", "Invalid date format"),
        ("date", "2024-02-29T10:00:00Z", "tomorrow", "Invalid date format"),
        ("number", 5, None, "Not a valid number"),
    ],
)
def test_data_is_validated_with_the_reference_messages(kind: str, good: Json, bad: Json, error: str) -> None:
    assert perform("ValidateData", good, validationType=kind) == {"valid": True, "value": good}
    assert perform("ValidateData", bad, validationType=kind) == {"valid": False, "value": bad, "error": error}


def test_a_custom_pattern_matches_from_the_beginning() -> None:
    rule: dict[str, Any] = {"validationType": "custom", "pattern": "[A-Z]{2}"}
    assert perform("ValidateData", "AB12", **rule)["valid"]
    assert perform("ValidateData", "1AB", **rule)["error"] == "Value does not match pattern: [A-Z]{2}"


async def test_the_present_is_when_the_step_began(step: FakeStep) -> None:
    assert await run("GetCurrentDateTime", step, outputPath="/workflow/y") == "2026-03-01T12:30:00+00:00"
    assert await run("GetCurrentDateTime", step, timezone=MADRID, outputPath="/y") == "2026-03-01T13:30:00+01:00"
    assert await run("GetCurrentDateTime", step, timezone="-03:00", outputPath="/y") == "2026-03-01T09:30:00-03:00"
    assert await run("GetCurrentDateTime", step, format="timestamp", outputPath="/y") == step.now.timestamp()


async def test_a_custom_format_may_be_plain_text(step: FakeStep) -> None:
    text = await run("GetCurrentDateTime", step, format="custom", formatString="user@example.com", outputPath="/y")
    assert text == "user@example.com"
