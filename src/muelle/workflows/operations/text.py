"""FormatText and ExtractText: text made, changed, and searched."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from muelle.packs import Json, Limits, Literally, OperationType, ReadPath, Step, WritePath
from muelle.workflows.operations.errors import InvalidTemplate
from muelle.workflows.operations.literals import plain_text
from muelle.workflows.operations.patterns import Match, afford, compile_pattern, fault_of, find_all
from muelle.workflows.operations.templates import fill, parse_template
from muelle.workflows.operations.texts import afford_length, bounded, text_of


class FormatText(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Make text from data, or change how text is written."""

    input_path: Annotated[ReadPath, Meta(description="Path of the text, or of the object that fills the template.")]
    format: Annotated[
        Literal["template", "upper", "lower", "title", "capitalize", "trim", "replace"],
        Meta(description="What to do: fill a template, change the case, trim white space, or replace parts."),
    ]
    template: (
        Annotated[
            Literally,
            Meta(
                max_length=100_000,
                description=(
                    "template: text with {name}, {a.b} or {list[0]} from the object at inputPath; {value} if that "
                    "is no "
                    "object. {{ and }} stand for braces. Other values than text are written as Python's str() does."
                ),
            ),
        ]
        | None
    ) = None
    replacements: Annotated[dict[str, str] | None, Meta(description="replace: {old: new} texts, applied in order.")] = (
        None
    )
    output_path: Annotated[WritePath, Meta(description="Path that receives the text.")]


_CASES: Final[dict[str, Callable[[str], str]]] = {
    "upper": str.upper,
    "lower": str.lower,
    "title": str.title,
    "capitalize": str.capitalize,
    "trim": str.strip,
}


def format_text(config: FormatText, step: Step[Any]) -> Json:
    """Return the text."""
    value = step.read(config.input_path)
    if config.format == "template" and config.template is not None:
        return fill(config.template, value, step.limits)
    text = text_of(value)
    if config.format == "replace":
        return _replace(text, config.replacements or {}, step.limits)
    return bounded(_CASES.get(config.format, str)(text), step.limits)


def _replace(text: str, replacements: Mapping[str, str], limits: Limits) -> str:
    for old, new in replacements.items():
        afford_length(len(text) + text.count(old) * (len(new) - len(old)), limits)
        text = text.replace(old, new)
    return text


def check_format(config: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Find templates that cannot be read, and settings that the format lacks."""
    style, template = config.get("format"), plain_text(config, "template")
    if style == "template" and "template" not in config:
        return [("/template", "The format 'template' needs a template")]
    if style == "replace" and "replacements" not in config:
        return [("/replacements", "The format 'replace' needs replacements")]
    try:
        parse_template(template or "")
    except InvalidTemplate as fault:
        return [("/template", fault.message)]
    return []


FORMAT_TEXT = OperationType(
    name="FormatText",
    summary="Make text from data with a template, or change how text is written.",
    config=FormatText,
    perform=format_text,
    check=check_format,
    example={
        "inputPath": "/workflow/user",
        "format": "template",
        "template": "Hello {name}, you have {points} points",
        "outputPath": "/workflow/message",
    },
)


class ExtractText(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Find what a regular expression matches in a text."""

    input_path: Annotated[ReadPath, Meta(description="Path of the text to search.")]
    pattern: Annotated[
        Literally,
        Meta(
            description=(
                "Regular expression in RE2 syntax: Python's, without look-around and back-references; \\w, \\d, \\s "
                "and \\b mean ASCII, [\\pL\\pN_] is \\w in every language; at most 1,000 characters."
            )
        ),
    ]
    extract_all: Annotated[
        bool,
        Meta(
            description=(
                "false: the first match as a whole, or null. true: a list of all matches; of their capture group "
                "if the "
                "pattern has one, of lists of groups if it has several."
            )
        ),
    ] = False
    output_path: Annotated[WritePath, Meta(description="Path that receives the text, null, or the list.")]


def extract_text(config: ExtractText, step: Step[Any]) -> Json:
    """Return the first match or null, or all matches."""
    pattern = compile_pattern(config.pattern)
    text = text_of(step.read(config.input_path))
    if config.extract_all:
        return [_captured(match, pattern.groups) for match in find_all(pattern, text)]
    afford(pattern, text)
    match = pattern.search(text)
    return None if match is None else match.group(0)


def _captured(match: Match, groups: int) -> Json:
    if groups == 0:
        return match.group(0)
    captured = match.groups("")
    return captured[0] if groups == 1 else [*captured]


def check_extract(config: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Find a pattern that does not compile."""
    pattern = plain_text(config, "pattern")
    fault = None if pattern is None else fault_of(pattern)
    return [("/pattern", fault)] if fault else []


EXTRACT_TEXT = OperationType(
    name="ExtractText",
    summary="Find what a regular expression matches in a text.",
    config=ExtractText,
    perform=extract_text,
    check=check_extract,
    example={
        "inputPath": "/workflow/text",
        "pattern": "@([a-z.]+)",
        "extractAll": True,
        "outputPath": "/workflow/domains",
    },
)
