"""A plan: a document after parsing and validation, immutable. `make_plan` makes one, `Planner` caches by the text."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from muelle.packs import Effects, OperationType
from muelle.workflows.issues import Issue
from muelle.workflows.order import Block, Span, block_of
from muelle.workflows.paths import Path, overlap
from muelle.workflows.references import Interpolation, Reference
from muelle.workflows.shape import Check, Location, compile_shape

_MOST_PATHS = 256  # that an operation is known to touch; one that touches more counts as touching all
_EFFECTS: tuple[Effects, ...] = ("pure", "reads", "writes")


class OnError(msgspec.Struct, frozen=True):
    """What follows when an operation fails: it fails alone, the run stops, a value stands in, or a branch runs."""

    kind: Literal["continue", "stop", "value", "goto"] = "continue"
    value: Any = None
    goto: tuple[str, ...] = ()


class Node(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """An operation of a plan. `config` is typed, or None if references must be resolved when it runs.

    A Struct, for a document may have a thousand, and a data class takes five times as long to make.
    """

    id: str
    type: OperationType[Any]
    raw: Mapping[str, Any]
    config: Any | None
    references: tuple[tuple[Location, Reference | Interpolation], ...]
    needs: tuple[Path, ...]
    soft: tuple[Path, ...]
    write: Path | None
    effects: Effects
    is_async: bool
    on_error: OnError
    children: tuple[str, ...]
    credentials: tuple[str, ...]
    call: tuple[str, str] | None
    compensate: tuple[str, ...] = ()
    is_parent: bool = False  # whether its config names operations that it runs

    @property
    def span(self) -> Span:
        """What it reads, writes and does, its children apart."""
        return Span(
            reads=_coarse(self.needs + self.soft),
            writes=frozenset((self.write,) if self.write else ()),
            effects=self.effects,
            is_async=self.is_async,
            stops=self.on_error.kind == "stop",
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Plan:
    """What will run. `main` holds the operations that no other one refers to; `blocks` and `spans` are caches."""

    hash: str
    document: bytes
    workflow: str
    nodes: Mapping[str, Node]
    main: Block[Node]
    seeds: Mapping[str, Any]
    is_sequential: bool
    is_async: bool
    spans: dict[str, Span]
    types: tuple[OperationType[Any], ...]
    credentials: frozenset[str]
    calls: tuple[tuple[str, str], ...]
    blocks: dict[tuple[str, ...], Block[Node]] = field(default_factory=dict)

    def block(self, operations: tuple[str, ...]) -> Block[Node]:
        """Return the schedule of some operations, made once."""
        block = self.blocks.get(operations)
        if block is None:
            nodes = [self.nodes[operation] for operation in operations]
            block = self.blocks[operations] = block_of(nodes, self.span, is_sequential=self.is_sequential)
        return block

    def span(self, node: Node) -> Span:
        """Return what an operation and all that it refers to read, write and do."""
        return whole_span(self.nodes, node, self.spans)

    def writers(self, path: Path) -> list[str]:
        """Return the ids of the operations that write at, above or below a path."""
        return [node.id for node in self.nodes.values() if node.write and overlap(node.write, path)]


@dataclass(frozen=True, slots=True)
class Planned:
    """The outcome of planning: a plan unless an issue is an error."""

    plan: Plan | None
    issues: tuple[Issue, ...]


class Catalogue:
    """The operation types that there are, with what planning needs of each, compiled when it is first met."""

    def __init__(self, types: Mapping[str, OperationType[Any]]) -> None:
        self.types = types
        self._compiled: dict[str, tuple[Check, bool]] = {}

    def compiled(self, name: str) -> tuple[Check, bool]:
        """Return the check of a type's configs, and whether its `perform` is to be awaited."""
        compiled = self._compiled.get(name)
        if compiled is None:
            kind = self.types[name]
            compiled = self._compiled[name] = (compile_shape(kind.config), kind.is_async)
        return compiled


def whole_span(nodes: Mapping[str, Node], node: Node, known: dict[str, Span]) -> Span:
    """Join the spans of a node and of all below it; `known` keeps a node that many refer to from being walked again."""
    span = known.get(node.id)
    if span is None:
        own = node.span
        below = [whole_span(nodes, nodes[child], known) for child in node.children]
        reads, writes = set(own.reads), set(own.writes)
        for item in below:
            reads |= item.reads
            writes |= item.writes
        span = known[node.id] = Span(
            reads=_coarse(reads),
            writes=_coarse(writes),
            effects=max((own.effects, *(item.effects for item in below)), key=_EFFECTS.index),
            is_async=own.is_async or any(item.is_async for item in below),
            stops=own.stops or any(item.stops for item in below),
        )
    return span


def _coarse(paths: Iterable[Path]) -> frozenset[Path]:
    """Return paths, or only their roots where there are many: what touches a root overlaps with nothing below it."""
    fine = frozenset(paths)
    return fine if len(fine) <= _MOST_PATHS else frozenset(path[:1] for path in fine)
