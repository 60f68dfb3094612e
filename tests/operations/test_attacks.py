"""What a hostile document may try: each attempt ends soon, with a stable code, and without taking memory."""

import time
from typing import Any

import pytest

from muelle.core import MuelleError
from muelle.packs import Json, Limits
from muelle.workflows.operations.storage import valid_key
from operations.operations_world import FakeStep, faults, perform


def code_of(name: str, value: Json, limits: Limits | None = None, **config: Json) -> str:
    """Perform an operation that fails; return the code of its failure."""
    with pytest.raises(MuelleError) as failure:
        perform(name, value, limits, **config)
    return failure.value.code


def test_a_pattern_that_explodes_elsewhere_runs_in_linear_time() -> None:
    start = time.perf_counter()
    assert perform("ExtractText", "x" * 1_000_000, pattern="(x+x+)+y") is None
    assert not perform("ValidateData", "x" * 100_000, validationType="custom", pattern="^(x+)+$y")["valid"]
    assert time.perf_counter() - start < 1


def test_finding_every_match_is_given_up_after_two_seconds() -> None:
    start = time.perf_counter()
    assert code_of("ExtractText", "a" * 300_000, pattern="a.*z|a", extractAll=True) == "pattern_too_slow"
    assert time.perf_counter() - start < 4


def test_a_large_pattern_on_a_long_text_is_refused() -> None:
    assert code_of("ExtractText", "b" * 1_000_000, pattern="(a?){400}a{400}") == "pattern_too_costly"


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "((a{100}){100}){100}", "a" * 1_001])
def test_a_pattern_that_cannot_run_is_found_before_the_run(pattern: str) -> None:
    assert [pointer for pointer, _ in faults("ExtractText", pattern=pattern)] == ["/pattern"]
    assert code_of("ExtractText", "a", pattern=pattern) == "invalid_pattern"


def test_the_longest_pattern_is_allowed() -> None:
    assert perform("ExtractText", "a" * 1_000, pattern="a" * 1_000) == "a" * 1_000


@pytest.mark.parametrize(
    "template",
    ["{k:>5000000}", "{k!r}", "{k.__class__}{", "{}", "{ }", "{a b:c}", "{k[x]}", "{k[0}", "}", "{a/b}", "{.a}"],
)
def test_a_template_has_no_specs_no_conversions_and_no_loose_braces(template: str) -> None:
    assert code_of("FormatText", {"k": 1}, format="template", template=template) == "invalid_template"
    assert [pointer for pointer, _ in faults("FormatText", format="template", template=template)] == ["/template"]


@pytest.mark.parametrize("template", ["{k.__class__}", "{k.real}", "{__globals__}", "{k[0]}", "{missing}"])
def test_a_template_reaches_only_data(template: str) -> None:
    assert code_of("FormatText", {"k": 1}, format="template", template=template) == "template_name_missing"


def test_a_template_grows_to_the_limit_and_not_past_it() -> None:
    small = Limits(data_bytes=10)
    assert perform("FormatText", "12345", small, format="template", template="{value}{value}") == "1234512345"
    assert code_of("FormatText", "12345", small, format="template", template="{value}{value}!") == "result_too_large"


def test_replacements_grow_to_the_limit_and_not_past_it() -> None:
    small = Limits(data_bytes=8)
    assert perform("FormatText", "aa", small, format="replace", replacements={"a": "bb", "b": "cc"}) == "c" * 8
    doubling = {"a": "bb", "b": "ccc"}
    assert code_of("FormatText", "aa", small, format="replace", replacements=doubling) == "result_too_large"


def test_ten_doublings_of_a_megabyte_are_refused_before_they_are_made() -> None:
    doubling = {"a" * (1 << step): "a" * (1 << step) * 100 for step in range(3)}
    assert code_of("FormatText", "a" * (1 << 20), format="replace", replacements=doubling) == "result_too_large"


@pytest.mark.parametrize(
    ("value", "config"),
    [
        (10, {"operation": "power", "operand": 10**12}),
        (10**999, {"operation": "multiply", "operand": 10**999}),
        (1e308, {"operation": "multiply", "operand": 10}),
        (1e200, {"operation": "power", "operand": 2}),
        (10**400, {"operation": "divide", "operand": 1}),
        (10**400, {"operation": "multiply", "operand": 1.5}),
        ("1e400", {"operation": "abs"}),
        ("nan", {"operation": "abs"}),
        ("inf", {"operation": "ceil"}),
        (1, {"operation": "add", "operand": "-Infinity"}),
        ([1e308, 1e308], {"operation": "sum"}),
        ([10**400], {"operation": "sum"}),
        (["nan"], {"operation": "sum"}),
        (10**1001, {"operation": "abs"}),
    ],
)
def test_no_number_is_infinite_or_endless(value: Json, config: dict[str, Json]) -> None:
    start = time.perf_counter()
    assert code_of("Calculate", value, **config) == "number_out_of_range"
    assert time.perf_counter() - start < 0.5


def test_a_power_may_have_as_many_digits_as_the_limit() -> None:
    limits = Limits(number_digits=10)
    assert perform("Calculate", 2, limits, operation="power", operand=33) == 2**33
    assert code_of("Calculate", 2, limits, operation="power", operand=34) == "number_out_of_range"


def test_a_root_of_a_negative_number_is_no_number() -> None:
    assert code_of("Calculate", -8, operation="power", operand=0.5) == "calculation_failed"


@pytest.mark.parametrize("directive", ["%9999999d", "%", "%-d", "%Q", "%Y" * 101])
def test_a_date_format_cannot_pad(directive: str) -> None:
    config: dict[str, Any] = {"format": "custom", "formatString": directive}
    assert [pointer for pointer, _ in faults("ConvertTimezone", toTimezone="UTC", **config)] == ["/formatString"]
    if len(directive) <= 200:
        assert code_of("ConvertTimezone", 0, toTimezone="UTC", **config) == "invalid_date"


@pytest.mark.parametrize("zone", ["Mars/Base", "../../etc/passwd", "/etc/passwd", "", "Europe", "+99:00", "a\0b"])
def test_a_time_zone_is_one_of_the_database(zone: str) -> None:
    assert [pointer for pointer, _ in faults("ConvertTimezone", toTimezone=zone)] == ["/toTimezone"]
    assert code_of("ConvertTimezone", 0, toTimezone=zone) == "unknown_timezone"


@pytest.mark.parametrize(
    ("value", "config", "code"),
    [
        ("9999-12-31", {"days": 1}, "date_out_of_range"),
        ("2024-01-01", {"years": 10**11}, "date_out_of_range"),
        ("2024-01-01", {"days": 1e12}, "date_out_of_range"),
        ("2024-01-01", {"seconds": 1e12, "calendar": False}, "date_out_of_range"),
        ("2024-01-01", {"months": 1e12, "calendar": False}, "date_out_of_range"),
        (1e300, {"days": 1}, "date_out_of_range"),
        ("2024-01-01", {"months": 1.5}, "invalid_date"),
        ("soon", {"days": 1}, "invalid_date"),
        (True, {"days": 1}, "invalid_date"),
        ([], {"days": 1}, "invalid_date"),
        ({"month": 13}, {"days": 1}, "invalid_date"),
        ({"year": "x"}, {"days": 1}, "invalid_date"),
        ({"moon": 1}, {"days": 1}, "invalid_date"),
    ],
)
def test_a_date_that_cannot_be_is_refused(value: Json, config: dict[str, Json], code: str) -> None:
    assert code_of("DateCalculation", value, operation="add", **config) == code


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a b", "a\\b", "é", ".muelle/x", "a" * 513, "a\n"]
)
def test_a_key_cannot_leave_its_space(key: str) -> None:
    assert [pointer for pointer, _ in faults("StoreData", key=key)] == ["/key"]
    with pytest.raises(MuelleError) as failure:
        valid_key(key)
    assert failure.value.code == "invalid_storage_key"


@pytest.mark.parametrize("key", ["a", "reports/2026-01.json", "..a", "a" * 512])
def test_a_key_may_have_folders(key: str) -> None:
    assert faults("StoreData", key=key) == []


def test_a_join_with_too_many_rows_is_refused_before_it_is_made() -> None:
    step = FakeStep({"workflow": {"x": [{"k": 1}] * 2000, "o": [{"k": 1}] * 2000}})
    config = {"with": "/workflow/o", "on": "k"}
    with pytest.raises(MuelleError) as failure:
        perform_on(step, config)
    assert failure.value.code == "result_too_large"


def perform_on(step: FakeStep, config: dict[str, Json]) -> Json:
    """Join the list at /workflow/x."""
    from muelle.workflows.operations.transform_data import (  # noqa: PLC0415 - used here only
        TransformConfig,
        TransformData,
        transform_data,
    )

    whole = TransformData(
        input_path="/workflow/x",
        transform="join",
        config=TransformConfig(with_=config["with"], on=config["on"]),
        output_path="/workflow/y",
    )
    return transform_data(whole, step)
