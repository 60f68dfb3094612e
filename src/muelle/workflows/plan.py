"""A plan: a document after parsing and validation, immutable. Making one is pure; `Planner` caches by the text."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from muelle.core import CredentialRef
from muelle.packs import Effects, Limits, OperationType
from muelle.workflows.document import Draft, DraftOperation, read_messages
from muelle.workflows.issues import MOST_ISSUES, Issue, nearest
from muelle.workflows.json_stream import Unreadable, read_stream
from muelle.workflows.order import Block, Span, block_of
from muelle.workflows.paths import Path, format_path, overlap
from muelle.workflows.references import Interpolation, Reference
from muelle.workflows.shape import Check, Findings, Location, compile_shape
from muelle.workflows.substitution import substituted

_MOST_SUGGESTIONS = 10  # each compares a word with up to a thousand


@dataclass(frozen=True, slots=True)
class OnError:
    """What follows when an operation fails: it fails alone, the run stops, a value stands in, or a branch runs."""

    kind: Literal["continue", "stop", "value", "goto"] = "continue"
    value: Any = None
    goto: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Node:
    """An operation of a plan. `config` is typed, or None if references must be resolved first (see `resolved`)."""

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

    @property
    def span(self) -> Span:
        """What it reads, writes and does, its children apart."""
        return Span(
            reads=frozenset(self.needs + self.soft),
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
        return _whole_span(self.nodes, node, self.spans)

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


def make_plan(document: bytes, catalogue: Catalogue, limits: Limits) -> Planned:
    """Plan a document; raise DocumentTooLarge. Pure: the same document gives the same plan."""
    try:
        values = read_stream(document, limits.document_bytes, limits.depth)
    except Unreadable as unreadable:
        return Planned(None, (unreadable.issue,))
    return _Planning(document, read_messages(values), catalogue).finish(limits)


class _Planning:
    """The working state of one planning."""

    def __init__(self, document: bytes, draft: Draft, catalogue: Catalogue) -> None:
        self._document = document
        self._draft = draft
        self._catalogue = catalogue
        self._issues = draft.issues
        self._nodes: dict[str, Node] = {}

    def finish(self, limits: Limits) -> Planned:
        draft = self._draft
        if len(draft.operations) > limits.operations:
            message = f"The document has {len(draft.operations)} operations; {limits.operations} are allowed"
            self._fault("too_many_operations", message, suggestion="Split the work into several documents.")
            return Planned(None, tuple(self._issues))
        default = self._on_error(draft.on_error, None) or OnError()
        for operation in draft.operations.values():
            if node := self._node(operation, default):
                self._nodes[operation.id] = node
        order = self._order()
        self._nesting(limits.depth)
        if any(issue.severity == "error" for issue in self._issues):
            return Planned(None, tuple(self._issues))
        self._advise(order)
        return Planned(self._plan(order), tuple(self._issues))

    def _fault(self, code: str, message: str, operation: str | None = None, suggestion: str | None = None) -> None:
        if len(self._issues) < MOST_ISSUES:
            self._issues.append(Issue(code=code, message=message, operation_id=operation, suggestion=suggestion))

    def _near(self, word: str, known: Iterable[str]) -> str | None:
        return nearest(word, known) if len(self._issues) < _MOST_SUGGESTIONS else None

    def _node(self, operation: DraftOperation, default: OnError) -> Node | None:
        kind = self._catalogue.types.get(operation.type)
        if kind is None:
            message = f"There is no operation type '{operation.type[:100]}'"
            self._fault("unknown_type", message, operation.id, self._near(operation.type, self._catalogue.types))
            return None
        on_error = default if operation.on_error is None else self._on_error(operation.on_error, operation.id)
        found = Findings()
        self._catalogue.compiled(operation.type)[0](operation.config, (), found)
        if not found.issues and kind.check is not None:
            for place, message in kind.check(operation.config):
                found.issues.append(Issue(code="invalid_config", message=message, path=place))
        if not found.issues and on_error is not None:
            return self._built(operation, kind, found, on_error)
        room = MOST_ISSUES - len(self._issues)
        self._issues += [msgspec.structs.replace(issue, operation_id=operation.id) for issue in found.issues[:room]]
        return None

    def _built(
        self, operation: DraftOperation, kind: OperationType[Any], found: Findings, on_error: OnError
    ) -> Node | None:
        raw = operation.config
        if found.credentials:
            raw = substituted(raw, [(place, CredentialRef(name)) for place, name in found.credentials])
        config = None
        if not found.references:
            try:
                config = msgspec.convert(raw, kind.config)
            except msgspec.ValidationError as error:
                self._fault("invalid_config", str(error), operation.id)
                return None
        hard = [path for _, item in found.references if not item.is_soft for path in item.paths]
        soft = [path for _, item in found.references if item.is_soft for path in item.paths]
        soft += list(kind.reads(operation.config)) if kind.reads else []
        return Node(
            id=operation.id,
            type=kind,
            raw=raw,
            config=config,
            references=tuple(found.references),
            needs=tuple(dict.fromkeys((*found.reads, *hard))),
            soft=tuple(dict.fromkeys((*found.soft_reads, *soft))),
            write=found.writes[0] if found.writes else None,
            effects=kind.effects(operation.config) if callable(kind.effects) else kind.effects,
            is_async=self._catalogue.compiled(kind.name)[1],
            on_error=on_error,
            children=tuple(dict.fromkeys((*(child for _, child in found.operations), *on_error.goto))),
            credentials=tuple(dict.fromkeys(name for _, name in found.credentials)),
            call=kind.calls(operation.config) if kind.calls else None,
        )

    def _on_error(self, given: Any, operation: str | None) -> OnError | None:  # noqa: ANN401 - unchecked
        match given:
            case None:
                return None
            case "stop" | "continue":
                return OnError(given)
            case {"value": value, **rest} if not rest:
                return OnError("value", value)
            case {"goto": str() as target, **rest} if not rest:
                return OnError("goto", goto=(target,))
            case {"goto": [*targets], **rest} if not rest and all(type(target) is str for target in targets):
                return OnError("goto", goto=tuple(targets))
            case _:
                message = "onError is 'stop', 'continue', {\"value\": …} or {\"goto\": [ids]}"
                self._fault("invalid_on_error", message, operation)
                return None

    def _order(self) -> tuple[str, ...]:
        draft = self._draft
        known = draft.operations
        children = self._children()
        if draft.order is not None:
            order = draft.order
            for item, times in Counter(order).items():
                if times > 1:
                    self._fault("duplicate_in_order", f"'{item[:100]}' stands twice in the order", item[:100])
        elif draft.root is not None:
            order = [draft.root, *(item for item in known if item != draft.root)]
        else:
            order = list(known)
        for item in order:
            if item not in known:
                self._fault("unknown_operation", f"There is no operation '{item[:100]}'", None, self._near(item, known))
        return tuple(item for item in order if item in known and item not in children)

    def _children(self) -> set[str]:
        children: set[str] = set()
        for node in self._nodes.values():
            for child in node.children:
                if child not in self._draft.operations:
                    hint = self._near(child, self._draft.operations)
                    self._fault("unknown_operation", f"There is no operation '{child[:100]}'", node.id, hint)
                children.add(child)
        return children

    def _nesting(self, limit: int) -> None:
        """Walk down from every operation without recursion: no circle, and no branch deeper than the limit."""
        heights: dict[str, int] = {}
        for start in self._nodes:
            trail: dict[str, None] = {}
            stack: list[tuple[str, bool]] = [(start, False)]
            while stack:
                name, is_left = stack.pop()
                if is_left:
                    del trail[name]
                    children = self._nodes[name].children
                    heights[name] = 1 + max((heights.get(child, 0) for child in children), default=0)
                elif name in trail:
                    self._fault("cycle", f"Operations refer to each other in a circle: {_circle(trail, name)}", name)
                    return
                elif name not in heights and name in self._nodes:
                    trail[name] = None
                    stack.append((name, True))
                    stack += [(child, False) for child in self._nodes[name].children]
        if heights and max(heights.values()) > limit:
            message = f"Branches and bodies are nested deeper than {limit} levels"
            self._fault("too_deep", message, max(heights, key=heights.__getitem__), "Flatten the branches.")

    def _advise(self, order: Sequence[str]) -> None:
        written = {
            node.write[:depth] for node in self._nodes.values() if node.write for depth in range(len(node.write) + 1)
        }
        paths = {node.write for node in self._nodes.values() if node.write}
        for node in self._nodes.values():
            if len(self._issues) >= MOST_ISSUES:
                return
            for path in node.needs:
                ends = path in written or any(path[:depth] in paths for depth in range(1, len(path)))
                if path[0] == "workflow" and not ends and "workflow" not in self._draft.seeds:
                    message = f"No operation writes {format_path(path)}"
                    hint = self._near(format_path(path), (format_path(item) for item in paths))
                    self._issues.append(_advice("never_written", message, node.id, hint))
        reached = set(order)
        for node in self._nodes.values():
            reached.update(node.children)
        for name in self._nodes:
            if name not in reached:
                self._issues.append(
                    _advice("never_run", f"'{name}' is not in the order and nothing refers to it", name)
                )

    def _plan(self, order: tuple[str, ...]) -> Plan:
        nodes = self._nodes
        draft = self._draft
        main = [nodes[name] for name in order]
        spans: dict[str, Span] = {}
        return Plan(
            hash=hashlib.sha256(self._document).hexdigest(),
            document=self._document,
            workflow=draft.workflow or draft.execution or "default",
            nodes=nodes,
            main=block_of(main, lambda node: _whole_span(nodes, node, spans), is_sequential=draft.is_sequential),
            seeds=draft.seeds,
            is_sequential=draft.is_sequential,
            is_async=any(node.is_async for node in nodes.values()),
            spans=spans,
            types=tuple({node.type.name: node.type for node in nodes.values()}.values()),
            credentials=frozenset(name for node in nodes.values() for name in node.credentials),
            calls=tuple(dict.fromkeys(node.call for node in nodes.values() if node.call)),
        )


def assigned(value: Any, place: Location, new: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return `value` with `new` at `place`, copying only what lies on the way."""
    if not place:
        return new
    head, rest = place[0], place[1:]
    copy: Any = list(value) if type(value) is list else dict(value)
    copy[head] = assigned(value[head], rest, new)
    return copy


def _advice(code: str, message: str, operation: str, suggestion: str | None = None) -> Issue:
    return Issue(code=code, message=message, severity="warning", operation_id=operation, suggestion=suggestion)


def _circle(trail: Iterable[str], name: str) -> str:
    names = list(trail)
    return " -> ".join((*names[names.index(name) :], name))


def _whole_span(nodes: Mapping[str, Node], node: Node, known: dict[str, Span]) -> Span:
    """Join the spans of a node and of all below it; `known` keeps a node that many refer to from being walked again."""
    span = known.get(node.id)
    if span is None:
        span = node.span
        for child in node.children:
            span = span.joined(_whole_span(nodes, nodes[child], known))
        known[node.id] = span
    return span
