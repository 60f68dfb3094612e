"""The page of the HTTP interface, from the same OpenAPI document that the server serves."""

from collections.abc import Mapping
from typing import Any

from muelle.doors.http.api import openapi_document
from reference.texts import Texts, row, table_head

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")


def page(texts: Texts) -> list[str]:
    """Return the lines of the page."""
    lines = [f"# {texts.heading('HTTP')}", ""]
    for path, methods in sorted(openapi_document()["paths"].items()):
        for method in METHODS:
            if method in methods:
                lines += _entry(f"{method.upper()} {path}", methods[method], texts)
    return lines


def _entry(title: str, operation: Mapping[str, Any], texts: Texts) -> list[str]:
    said = (operation.get("summary", ""), operation.get("description", ""))
    paragraphs = [line for words in dict.fromkeys(said) if words for line in (texts.sentence(words), "")]
    lines = [f"## `{title}`", "", *paragraphs]
    parameters = operation.get("parameters", ())
    if parameters:
        lines += table_head(*(texts.heading(name) for name in ("Argument", "Type", "Meaning")))
        lines += [_parameter(parameter, texts) for parameter in parameters]
        lines.append("")
    answers = ", ".join(f"`{status}`" for status in operation.get("responses", {}))
    return [*lines, f"{texts.heading('Answers')}: {answers}", ""]


def _parameter(parameter: Mapping[str, Any], texts: Texts) -> str:
    kind = parameter.get("schema", {}).get("type", "any")
    where = f"{kind}, {parameter['in']}" + (f", {texts.heading('required')}" if parameter.get("required") else "")
    return row(f"`{parameter['name']}`", where, texts.sentence(parameter.get("description", "")))
