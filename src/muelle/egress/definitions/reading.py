"""Documents read from bytes, within bounds: hostile ones are as likely as large ones."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from muelle.egress.definitions.errors import DefinitionTooLarge, InvalidDefinition

MAX_BYTES = 10 << 20
MAX_YAML = 2 << 20  # YAML takes some five seconds for as much
MAX_NODES = 2_000_000  # and 32 characters of text count as one
MAX_DEPTH = 100
MAX_HOPS = 16  # a reference to a reference to a reference

Tree = Mapping[str, Any]
_INDEX = re.compile(r"[0-9]{1,6}")


def read_tree(content: bytes) -> dict[str, Any]:
    """Return a document that is an object; raise DefinitionTooLarge or InvalidDefinition."""
    if len(content) > MAX_BYTES:
        raise DefinitionTooLarge(bytes=len(content), limit=MAX_BYTES)
    try:
        tree = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        tree = _yaml(content)
        _check_size(tree)
        tree = _spelled(tree)
    if not isinstance(tree, dict):
        raise InvalidDefinition(reason="not an object")
    _check_size(tree)
    return tree


def _spelled(tree: object) -> Any:  # noqa: ANN401 - any JSON value
    """Return YAML as JSON would have it: dates as texts, and no key that is not text."""
    try:
        return msgspec.json.decode(msgspec.json.encode(tree))
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        raise InvalidDefinition(reason="YAML that JSON cannot say") from None


def _yaml(content: bytes) -> Any:  # noqa: ANN401 - any value
    if content.lstrip()[:1] in {b"{", b"["}:
        raise InvalidDefinition(reason="not JSON, or nested too deep")
    if len(content) > MAX_YAML:
        raise DefinitionTooLarge(bytes=len(content), limit=MAX_YAML, reason="as YAML; more is taken as JSON")
    import yaml  # type: ignore[import-untyped] # noqa: PLC0415 - 20 ms that only YAML costs; it has no types

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(content, Loader=loader)  # noqa: S506 - a safe loader, of which there are two
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError):
        raise InvalidDefinition(reason="neither JSON nor YAML") from None


def _check_size(tree: object) -> None:
    """Count what there is, a shared part (YAML's aliases) as often as it stands somewhere; depth ends circles."""
    left = MAX_NODES
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        left -= 1 + (len(node) >> 5 if isinstance(node, str) else 0)
        if left < 0 or depth > MAX_DEPTH:
            raise DefinitionTooLarge(nodes=MAX_NODES, depth=MAX_DEPTH)
        if isinstance(node, dict):
            waiting += [(each, depth + 1) for each in node.values()]
        elif isinstance(node, list):
            waiting += [(each, depth + 1) for each in node]


class References:
    """Finds what a document's references mean; only those into the document itself mean anything."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def target(self, reference: object) -> Any:  # noqa: ANN401 - any JSON value
        """Return what a reference points to; raise InvalidDefinition if that is elsewhere or nowhere."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise InvalidDefinition(reference=str(reference)[:200], reason="refers to something outside the document")
        node: Any = self._tree
        for part in reference.removeprefix("#").split("/")[1:]:
            key = _unescaped(part)
            if isinstance(node, dict) and key in node:
                node = node[key]
            elif isinstance(node, list) and _INDEX.fullmatch(key) and int(key) < len(node):
                node = node[int(key)]
            else:
                raise InvalidDefinition(reference=reference[:200], reason="points nowhere")
        return node

    def resolved(self, node: object) -> dict[str, Any]:
        """Return an object, through references if it is one; an empty one for what is none."""
        for _ in range(MAX_HOPS):
            if not isinstance(node, dict):
                return {}
            if "$ref" not in node:
                return node
            node = self.target(node["$ref"])
        raise InvalidDefinition(reason=f"more than {MAX_HOPS} references in a row")


def _unescaped(part: str) -> str:
    from urllib.parse import unquote  # noqa: PLC0415 - loaded by now

    return unquote(part).replace("~1", "/").replace("~0", "~")
