"""Postman collections 2.1 read into definitions.

See https://schema.postman.com/collection/json/v2.1.0/
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from muelle.egress.definitions.errors import DefinitionTooLarge, InvalidDefinition
from muelle.egress.definitions.model import Definition, Described, EndpointBody, Parameter
from muelle.egress.definitions.reading import Tree
from muelle.egress.model import MAX_DESCRIPTION, MAX_ENDPOINTS, METHODS

_MARK = "schema.getpostman.com/json/collection/v2", "schema.postman.com/collection/json/v2"
_VARIABLE = re.compile(r"\{\{([^{}]*)\}\}")
_URL = re.compile(r"(https?://[^/?#]*)?([^?#]*)")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_MAX_NESTED = 20


def is_postman(tree: Tree) -> bool:
    """Tell whether a document says that it is a collection."""
    info = tree.get("info")
    return isinstance(info, dict) and any(mark in str(info.get("schema", "")) for mark in _MARK) and "item" in tree


def read_postman(tree: Tree, prefixes: Sequence[str] = ()) -> Described:
    """Return what a collection describes; raise InvalidDefinition."""
    info = tree["info"]
    reading = _Reading(tree)
    found = [each for each in reading.requests(tree.get("item"), 0) if each is not None]
    bases = {base for base, _ in found}
    if len(bases) > 1:
        raise InvalidDefinition(field="item", reason="requests to more than one server", servers=sorted(bases)[:10])
    chosen = [definition for _, definition in found if not prefixes or definition.path.startswith(tuple(prefixes))]
    if len(chosen) > MAX_ENDPOINTS:
        raise DefinitionTooLarge(endpoints=len(chosen), limit=MAX_ENDPOINTS)
    return Described(
        title=str(info.get("name", ""))[:200],
        base_url=next(iter(bases), ""),
        description=_text(info.get("description")) or str(info.get("name", "")),
        definitions=tuple(chosen),
        notes=tuple(reading.notes),
    )


def _text(node: object) -> str:
    """Return a description, which may be an object with its content."""
    text = node.get("content") if isinstance(node, dict) else node
    return str(text or "")[:MAX_DESCRIPTION]


class _Reading:
    """One collection being read."""

    def __init__(self, tree: Tree) -> None:
        variables = tree.get("variable")
        self._variables = {
            str(each.get("key")): str(each.get("value") or "")
            for each in (variables if isinstance(variables, list) else [])
            if isinstance(each, dict)
        }
        self._ids: set[str] = set()
        self._seen: set[tuple[str, str]] = set()
        self.notes: list[str] = []

    def requests(self, items: object, depth: int) -> Iterator[tuple[str, Definition] | None]:
        if depth > _MAX_NESTED:
            raise DefinitionTooLarge(depth=_MAX_NESTED)
        for item in items if isinstance(items, list) else []:
            if not isinstance(item, dict):
                continue
            if "item" in item:
                yield from self.requests(item["item"], depth + 1)
            elif isinstance(item.get("request"), dict):
                yield self._request(str(item.get("name") or ""), item["request"])

    def _request(self, name: str, request: dict[str, Any]) -> tuple[str, Definition] | None:
        method = str(request.get("method") or "GET").upper()
        url = request.get("url")
        base, path = self._place(url)
        if method not in METHODS or (method, path) in self._seen:
            self.notes.append(f"{method} {path}: left out; the method is unknown, or it stands there twice"[:500])
            return None
        self._seen.add((method, path))
        definition = Definition(
            id=self._id(name or f"{method}{path}"),
            method=method,
            path=path,
            description=". ".join(text for text in (name, _text(request.get("description"))) if text)[:MAX_DESCRIPTION],
            parameters=tuple(_parameters(path, url if isinstance(url, dict) else {})),
            body=_body(request.get("body")),
        )
        return base, definition

    def _place(self, url: object) -> tuple[str, str]:
        """Return the server and the path with `{parameters}` of a URL, which is a text or an object with `raw`."""
        raw = str(url.get("raw", "")) if isinstance(url, dict) else str(url or "")
        for _ in range(3):  # a variable's value may have variables
            raw = _VARIABLE.sub(lambda found: self._variables.get(found[1].strip(), f"{{{found[1].strip()}}}"), raw)
        if raw.startswith("{"):  # {baseUrl}/…, and nobody says what that is
            raw = raw.partition("}")[2]
        elif "://" not in raw:
            raw = f"https://{raw}"
        parts = _URL.match(raw)
        base, path = (parts[1] or "", parts[2]) if parts else ("", raw)
        segments = [f"{{{segment[1:]}}}" if segment.startswith(":") else segment for segment in path.split("/")]
        return base, f"/{'/'.join(segments).strip('/')}"

    def _id(self, text: str) -> str:
        name = _UNSAFE.sub("-", text).strip("-_")[:90] or "endpoint"
        unique, number = name, 1
        while unique in self._ids:
            number += 1
            unique = f"{name}-{number}"
        self._ids.add(unique)
        return unique


def _parameters(path: str, url: dict[str, Any]) -> Iterator[Parameter]:
    for name in re.findall(r"\{([^{}]*)\}", path):
        yield Parameter(name=name, place="path", required=True)
    query = url.get("query")
    named: set[str] = set()
    for each in query if isinstance(query, list) else []:
        name = str(each.get("key") or "") if isinstance(each, dict) else ""
        if name and name not in named and len(named) < 100:  # noqa: PLR2004 - as of OpenAPI
            named.add(name)
            yield Parameter(name=name[:200], place="query", description=_text(each.get("description")))


def _body(node: object) -> EndpointBody | None:
    """Return what kind of body a request has; a collection has examples of bodies and no schemas."""
    mode = node.get("mode") if isinstance(node, dict) else None
    match mode:
        case "urlencoded":
            return EndpointBody(content_type="application/x-www-form-urlencoded")
        case "raw":
            raw = node.get("raw") if isinstance(node, dict) else None
            return EndpointBody(content_type="application/json" if _is_json(raw) else "text/plain")
    return None


def _is_json(text: object) -> bool:
    try:
        msgspec.json.decode(_VARIABLE.sub("0", str(text or "")).encode())
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
