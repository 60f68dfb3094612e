"""OpenAPI 3.0, 3.1 and 3.2 read into definitions.

See https://spec.openapis.org/oas/v3.2.0.html
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, get_args
from urllib.parse import urljoin

from muelle.egress.definitions.errors import DefinitionTooLarge, InvalidDefinition
from muelle.egress.definitions.model import Definition, Described, EndpointBody, Parameter, Place
from muelle.egress.definitions.reading import References, Tree
from muelle.egress.definitions.schemas import Portable
from muelle.egress.model import MAX_DESCRIPTION, MAX_ENDPOINTS, METHODS

_VERSION = re.compile(r"3\.[012](\.\d+)?(-.*)?")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_JSON = re.compile(r"application/(json|[a-z0-9.+-]+\+json)")
_FORM = "application/x-www-form-urlencoded"
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_MAX_PARAMETERS = 100
_LONGEST_ID = 100


def is_openapi(tree: Tree) -> bool:
    """Tell whether a document says that it is OpenAPI."""
    return "openapi" in tree or "swagger" in tree


def read_openapi(tree: Tree, url: str, prefixes: Sequence[str] = ()) -> Described:
    """Return what a document describes, of paths with one of the prefixes; raise InvalidDefinition.

    `url` is where the document is from, if it has one; relative servers lie beside it.
    """
    version = str(tree.get("openapi", ""))
    if not _VERSION.fullmatch(version):
        raise InvalidDefinition(field="openapi", value=version[:20], reason="not 3.0, 3.1 or 3.2")
    told = tree.get("info")
    info = told if isinstance(told, dict) else {}
    reading = _Reading(tree, is_old=version.startswith("3.0"))
    return Described(
        title=str(info.get("title", ""))[:200],
        base_url=_server(tree, url),
        description=str(info.get("description") or info.get("summary") or info.get("title") or "")[:MAX_DESCRIPTION],
        definitions=tuple(reading.definitions(tuple(prefixes))),
        notes=tuple(reading.notes),
    )


def _server(tree: Tree, url: str) -> str:
    """Return the first server's URL with its variables' defaults, empty if there is none."""
    servers = tree.get("servers")
    server = servers[0] if isinstance(servers, list) and servers and isinstance(servers[0], dict) else {}
    variables = server.get("variables") if isinstance(server.get("variables"), dict) else {}

    def default(found: re.Match[str]) -> str:
        variable = variables.get(found[1]) if variables else None
        return str(variable.get("default", "")) if isinstance(variable, dict) else ""

    given = _VARIABLE.sub(default, str(server.get("url", "")))
    return urljoin(url, given) if url else given


class _Reading:
    """One document being read; `notes` say what is left out."""

    def __init__(self, tree: Tree, *, is_old: bool) -> None:
        self._tree = tree
        self._references = References(tree)
        self._portable = Portable(self._references, is_old=is_old)
        self._ids: set[str] = set()
        self.notes: list[str] = []

    def definitions(self, prefixes: tuple[str, ...]) -> Iterator[Definition]:
        paths = self._tree.get("paths")
        if not isinstance(paths, dict):
            raise InvalidDefinition(field="paths", reason="missing")
        count = 0
        for path, item in paths.items():
            if not isinstance(path, str) or not path.startswith("/") or (prefixes and not path.startswith(prefixes)):
                continue
            for method, operation, shared in self._operations(item):
                count += 1
                if count > MAX_ENDPOINTS:
                    raise DefinitionTooLarge(endpoints=f"more than {MAX_ENDPOINTS}", limit=MAX_ENDPOINTS)
                yield self._definition(method, path, operation, shared)

    def _operations(self, item: object) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
        resolved = self._references.resolved(item)
        shared = resolved.get("parameters")
        for method in METHODS:
            operation = resolved.get(method.lower())
            if isinstance(operation, dict):
                yield method, operation, shared if isinstance(shared, list) else []

    def _definition(self, method: str, path: str, operation: dict[str, Any], shared: list[Any]) -> Definition:
        where = f"{method} {path}"
        own = operation.get("parameters")
        told = (operation.get(name) for name in ("summary", "description"))
        tags = operation.get("tags")
        return Definition(
            id=self._id(operation.get("operationId"), method, path),
            method=method,
            path=path,
            description=". ".join(str(text).strip().rstrip(".") for text in told if text)[:MAX_DESCRIPTION],
            tags=tuple(str(tag)[:100] for tag in tags[:20]) if isinstance(tags, list) else (),
            parameters=self._parameters([*shared, *(own if isinstance(own, list) else [])], where, path),
            body=self._body(operation.get("requestBody"), where),
            answer=self._answer(operation.get("responses"), where),
        )

    def _id(self, given: object, method: str, path: str) -> str:
        text = given if isinstance(given, str) and given else f"{method.lower()}{path}"
        name = _UNSAFE.sub("-", text).strip("-_")[:_LONGEST_ID] or method.lower()
        if not name[0].isalnum():
            name = f"e{name}"[:_LONGEST_ID]
        unique, number = name, 1
        while unique in self._ids:
            number += 1
            unique = f"{name[: _LONGEST_ID - 6]}-{number}"
        self._ids.add(unique)
        return unique

    def _parameters(self, nodes: list[Any], where: str, path: str) -> tuple[Parameter, ...]:
        found: dict[tuple[str, str], Parameter] = {}
        for node in nodes[: _MAX_PARAMETERS * 2]:
            parameter = self._parameter(self._references.resolved(node), where)
            if parameter:
                found[parameter.place, parameter.name] = parameter  # an operation's own comes after its path's
        for name in _VARIABLE.findall(path):
            found.setdefault(("path", name), Parameter(name=name, place="path", required=True))
        return tuple(found.values())[:_MAX_PARAMETERS]

    def _parameter(self, node: dict[str, Any], where: str) -> Parameter | None:
        name = str(node.get("name", ""))[:200]
        place: Any = node.get("in")
        if place not in get_args(Place) or not name:
            self._note(f"{where}: the parameter '{name}' in '{place}' is left out")
            return None
        content = node.get("content")
        media: Any = next(iter(content.values()), None) if isinstance(content, dict) else None
        schema = node.get("schema", media.get("schema") if isinstance(media, dict) else None)
        return Parameter(
            name=name,
            place=place,
            required=place == "path" or node.get("required") is True,
            description=str(node.get("description") or "")[:MAX_DESCRIPTION],
            schema=self._schema(schema, where),
        )

    def _body(self, node: object, where: str) -> EndpointBody | None:
        resolved = self._references.resolved(node)
        content = resolved.get("content")
        if not isinstance(content, dict) or not content:
            return None
        types = [str(kind) for kind in content]
        kind = next((kind for kind in types if _JSON.match(kind)), None) or (_FORM if _FORM in types else types[0])
        media = self._references.resolved(content[kind])
        has_schema = _JSON.match(kind) or kind == _FORM
        return EndpointBody(
            content_type=kind[:200],
            required=resolved.get("required") is True,
            schema=self._schema(media.get("schema"), where) if has_schema else {},
        )

    def _answer(self, node: object, where: str) -> dict[str, Any]:
        answers = node if isinstance(node, dict) else {}
        for status, answer in answers.items():
            if str(status).startswith("2"):
                content = self._references.resolved(answer).get("content")
                for kind, media in content.items() if isinstance(content, dict) else ():
                    if _JSON.match(str(kind)):
                        return self._schema(self._references.resolved(media).get("schema"), where)
        return {}

    def _schema(self, node: object, where: str) -> dict[str, Any]:
        if node is None:
            return {}
        schema = self._portable.schema(node)
        if schema is None:
            self._note(f"{where}: a schema is too large and is not checked")
        return schema or {}

    def _note(self, text: str) -> None:
        if len(self.notes) < _MAX_PARAMETERS:
            self.notes.append(text[:500])
