"""ValidateData: whether a value is an e-mail address, a URL, a number, a date, … Rules and messages are A2E's."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from muelle.packs import Json, Literally, OperationType, ReadPath, Step, WritePath
from muelle.workflows.operations.errors import InvalidDate, InvalidPattern
from muelle.workflows.operations.literals import plain_text
from muelle.workflows.operations.moments import parse_text
from muelle.workflows.operations.patterns import afford, compile_pattern, fault_of
from muelle.workflows.operations.texts import text_of

LONGEST_VALUE: Final = 10_000  # characters; longer text is no address, number, date or phone number
_PHONE: Final = re.compile(r"[\d\s\-+()]+")
_PHONE_MARKS: Final = re.compile(r"[\s\-+()]")
_PHONE_DIGITS: Final = 10
_LOCAL: Final = re.compile(r"[a-zA-Z0-9._%+-]+")
_DOMAIN: Final = re.compile(r"[a-zA-Z0-9.-]+")
_TOP: Final = re.compile(r"[a-zA-Z]{2,}")


class ValidateData(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Check a value against a rule; a value that does not meet it is a result, not a failure."""

    input_path: Annotated[ReadPath, Meta(description="Path of the value to check.")]
    validation_type: Annotated[
        Literal["email", "url", "number", "integer", "phone", "date", "custom"],
        Meta(
            description=(
                "The rule. phone: digits, spaces and - + ( ) with at least ten digits. date: an ISO 8601 date, or date "
                "and time. custom: the pattern, from the beginning of the value."
            )
        ),
    ]
    pattern: (
        Annotated[
            Literally,
            Meta(description="custom: regular expression in RE2 syntax; end it with $ to match the whole value."),
        ]
        | None
    ) = None
    output_path: Annotated[WritePath, Meta(description="Path that receives {valid, value} and, if not valid, error.")]


def _is_email(text: str) -> bool:
    local, at, domain = text.partition("@")
    name, dot, top = domain.rpartition(".")
    return bool(at and dot and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(name) and _TOP.fullmatch(top))


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _is_integer(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True


def _is_phone(text: str) -> bool:
    return bool(_PHONE.fullmatch(text)) and len(_PHONE_MARKS.sub("", text)) >= _PHONE_DIGITS


def _is_date(text: str) -> bool:
    try:
        parse_text(text)
    except InvalidDate:
        return False
    return True


_RULES: Final[dict[str, tuple[Callable[[str], bool], str]]] = {
    "email": (_is_email, "Invalid email format"),
    "url": (_is_url, "Invalid URL format"),
    "number": (_is_number, "Not a valid number"),
    "integer": (_is_integer, "Not a valid integer"),
    "phone": (_is_phone, "Invalid phone number format"),
    "date": (_is_date, "Invalid date format"),
}


def validate_data(config: ValidateData, step: Step[Any]) -> Json:
    """Return {valid, value} and, if the value does not meet the rule, error."""
    value = step.read(config.input_path)
    text = text_of(value)
    if config.validation_type == "custom":
        valid, message = _matches(config.pattern, text), f"Value does not match pattern: {config.pattern}"
    else:
        rule, message = _RULES[config.validation_type]
        valid = len(text) <= LONGEST_VALUE and rule(text)
    return {"valid": True, "value": value} if valid else {"valid": False, "value": value, "error": message}


def _matches(pattern: str | None, text: str) -> bool:
    if pattern is None:
        raise InvalidPattern("pattern is required for custom validation")
    compiled = compile_pattern(pattern)
    afford(compiled, text)
    return compiled.match(text) is not None


def check_validation(config: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Find a pattern that is missing or does not compile."""
    if config.get("validationType") == "custom" and not config.get("pattern"):
        return [("/pattern", "pattern is required for custom validation")]
    pattern = plain_text(config, "pattern")
    fault = None if pattern is None else fault_of(pattern)
    return [("/pattern", fault)] if fault else []


VALIDATE_DATA = OperationType(
    name="ValidateData",
    summary="Check whether a value is an e-mail address, a URL, a number, a date, or matches a pattern.",
    config=ValidateData,
    perform=validate_data,
    check=check_validation,
    example={
        "inputPath": "/workflow/code",
        "validationType": "custom",
        "pattern": "^[A-Z]{2}[0-9]{4}$",
        "outputPath": "/workflow/valid",
    },
)
