"""Planning: a document becomes a plan, or a list of what is wrong with it."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import thread_time
from typing import Any

import msgspec

from muelle.core import CredentialRef
from muelle.packs import Limits, OperationType
from muelle.workflows.document import Draft, DraftOperation, read_messages
from muelle.workflows.issues import MOST_ISSUES, Issue, nearest, pointer
from muelle.workflows.json_stream import Unreadable, is_deeper, read_stream
from muelle.workflows.order import Span, block_of
from muelle.workflows.paths import format_path
from muelle.workflows.plan import Catalogue, Node, OnError, Plan, Planned, whole_span
from muelle.workflows.shape import Findings, Location, holds_credential
from muelle.workflows.substitution import substituted

_MOST_SUGGESTIONS = 10  # each compares a word with up to a thousand
_CHECK_SECONDS = 1.0  # of one thread's time: compiling one pattern can take 5 ms
Inspect = Callable[[Mapping[str, Any]], Sequence[tuple[str, str]]]


def make_plan(document: bytes, catalogue: Catalogue, limits: Limits) -> Planned:
    """Plan a document; raise DocumentTooLarge. The same document gives the same plan.

    Only the code `too_costly_to_check` depends on time: without it one document could hold the server for minutes.
    """
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
        self._mentions: dict[tuple[str, str], Location] = {}
        self._check_until = thread_time() + _CHECK_SECONDS
        self._is_late = False

    def finish(self, limits: Limits) -> Planned:
        draft = self._draft
        if len(draft.operations) > limits.operations:
            message = f"The document has {len(draft.operations)} operations; {limits.operations} are allowed"
            hint = "Split the work into several documents, or ask an operator to raise the limit operations."
            self._fault("too_many_operations", message, suggestion=hint)
            return Planned(None, tuple(self._issues))
        if draft.seeds and is_deeper(draft.seeds, limits.depth):
            message = f"The seeds are nested deeper than {limits.depth} levels"
            self._fault("too_deep", message, suggestion="Flatten them, or ask an operator to raise the limit depth.")
        default = self._on_error(draft.on_error, None, draft.on_error_at) or OnError()
        for operation in draft.operations.values():
            if draft.is_full:
                break
            if node := self._node(operation, default, limits.depth):
                self._nodes[operation.id] = node
        order = self._order()
        self._nesting(limits.depth)
        if any(issue.severity == "error" for issue in self._issues):
            return Planned(None, tuple(self._issues))
        self._advise(order)
        return Planned(self._plan(order), tuple(self._issues))

    def _fault(
        self,
        code: str,
        message: str,
        operation: str | None = None,
        suggestion: str | None = None,
        at: Location | None = None,
    ) -> None:
        path = None if at is None else pointer(at)
        if not self._draft.is_full:
            issue = Issue(code=code, message=message, operation_id=operation, path=path, suggestion=suggestion)
            self._issues.append(issue)

    def _near(self, word: str, known: Iterable[str]) -> str | None:
        return nearest(word, known) if len(self._issues) < _MOST_SUGGESTIONS else None

    def _node(self, operation: DraftOperation, default: OnError, depth: int) -> Node | None:
        kind = self._catalogue.types.get(operation.type)
        if kind is None:
            message = f"There is no operation type '{operation.type[:100]}'"
            hint = self._near(operation.type, self._catalogue.types) or "List what there is with the capabilities."
            self._fault("unknown_type", message, operation.id, hint, ())
            return None
        on_error = default if operation.on_error is None else self._on_error(operation.on_error, operation.id)
        found = Findings(MOST_ISSUES - len(self._issues), depth)
        self._catalogue.compiled(operation.type)[0](operation.config, (), found)
        if not found.issues and kind.check is not None:
            self._inspect(operation.config, kind.check, found)
        if not found.issues and on_error is not None:
            return self._built(operation, kind, found, on_error)
        self._issues += [msgspec.structs.replace(issue, operation_id=operation.id) for issue in found.issues]
        return None

    def _inspect(self, config: Any, check: Inspect, found: Findings) -> None:  # noqa: ANN401 - any JSON value
        """Have the operation itself look at a config of the right shape, within the time that all may take."""
        if self._is_late or thread_time() > self._check_until:
            if self._is_late:
                return
            self._is_late = True
            message = "The patterns and expressions of this document take too long to check"
            found.fault("too_costly_to_check", message, (), "Use fewer or simpler ones, or several documents.")
            return
        for place, message in check(config):
            hint = "Correct this field and send the document again."
            found.note(Issue(code="invalid_config", message=message, path=place, suggestion=hint))

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
                self._fault("invalid_config", str(error), operation.id, "Correct what the message names.", ())
                return None
        compensate = self._compensation(operation)
        beside: list[tuple[Location, str]] = [(("onError", "goto"), child) for child in on_error.goto]
        beside += [(("compensate",), child) for child in compensate]
        for place, child in (*found.operations, *beside):
            self._mentions.setdefault((operation.id, child), place)
        hard, soft = found.reads, found.soft_reads
        for _, item in found.references:
            (soft if item.is_soft else hard).extend(item.paths)
        if kind.reads:
            soft += kind.reads(operation.config)
        return Node(
            id=operation.id,
            type=kind,
            raw=raw,
            config=config,
            references=tuple(found.references),
            needs=tuple(dict.fromkeys(hard)),
            soft=tuple(dict.fromkeys(soft)),
            write=found.writes[0] if found.writes else None,
            effects=kind.effects(operation.config) if callable(kind.effects) else kind.effects,
            is_async=self._catalogue.compiled(kind.name)[1],
            on_error=on_error,
            children=tuple(dict.fromkeys((*(child for _, child in found.operations), *on_error.goto, *compensate))),
            credentials=tuple(dict.fromkeys(name for _, name in found.credentials)),
            call=kind.calls(operation.config) if kind.calls else None,
            compensate=compensate,
            is_parent=bool(found.operations),
        )

    def _compensation(self, operation: DraftOperation) -> tuple[str, ...]:
        match operation.compensate:
            case None:
                return ()
            case str() as target:
                return (target,)
            case [*targets] if targets and all(type(target) is str for target in targets):
                return tuple(targets)
        message = "compensate is the id of an operation, or a list of ids"
        hint = "Name the operations that take back what this one did, when the run is cancelled."
        self._fault("invalid_compensation", message, operation.id, hint, ("compensate",))
        return ()

    def _on_error(
        self,
        given: Any,  # noqa: ANN401 - unchecked
        operation: str | None,
        at: Location = ("onError",),
    ) -> OnError | None:
        match given:
            case None:
                return None
            case "stop" | "continue":
                return OnError(given)
            case {"value": value, **rest} if not rest and not holds_credential(value):
                return OnError("value", value)
            case {"goto": str() as target, **rest} if not rest:
                return OnError("goto", goto=(target,))
            case {"goto": [*targets], **rest} if not rest and all(type(target) is str for target in targets):
                return OnError("goto", goto=tuple(targets))
        if holds_credential(given):
            hint = "Put it into the headers, query or body of an ApiCall."
            self._fault("credential_not_allowed", "A credentialRef cannot stand here", operation, hint, at)
        else:
            message = "onError is 'stop', 'continue', {\"value\": …} or {\"goto\": [ids]}"
            self._fault("invalid_on_error", message, operation, "Leave it out to fail alone ('continue').", at)
        return None

    def _order(self) -> tuple[str, ...]:
        draft = self._draft
        known = draft.operations
        children = self._children()
        order = list(known)
        if draft.order is not None:
            order = draft.order
            places = {item: (*draft.begins_at, "operationOrder", index) for index, item in enumerate(order)}
            for item, times in Counter(order).items():
                if times > 1:
                    message = f"'{item[:100]}' stands {times} times in the order"
                    self._fault("duplicate_in_order", message, item[:100], "Name it once.", places[item])
        elif draft.root is not None:
            order = [draft.root, *(item for item in known if item != draft.root)]
            places = {draft.root: (*draft.begins_at, "root")}
        for item in order:
            if item not in known:
                self._unknown(item, None, places[item])
        return tuple(item for item in order if item in known and item not in children)

    def _children(self) -> set[str]:
        children: set[str] = set()
        for node in self._nodes.values():
            for child in node.children:
                if child not in self._draft.operations:
                    self._unknown(child, node.id, self._mentions[node.id, child])
                children.add(child)
        return children

    def _unknown(self, name: str, operation: str | None, at: Location) -> None:
        hint = self._near(name, self._draft.operations) or "Define it with operationUpdate."
        self._fault("unknown_operation", f"There is no operation '{name[:100]}'", operation, hint, at)

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
                    message = f"Operations refer to each other in a circle: {_circle(trail, name)}"
                    at = self._mentions.get((next(reversed(trail)), name), ())
                    self._fault("cycle", message, next(reversed(trail)), "Leave one of these references out.", at)
                    return
                elif name not in heights and name in self._nodes:
                    trail[name] = None
                    stack.append((name, True))
                    stack += [(child, False) for child in self._nodes[name].children]
        if heights and max(heights.values()) > limit:
            message = f"Branches and bodies are nested deeper than {limit} levels"
            deepest = max(heights, key=heights.__getitem__)
            self._fault("too_deep", message, deepest, "Flatten them, or ask an operator to raise the limit depth.", ())

    def _advise(self, order: Sequence[str]) -> None:
        paths = {node.write: None for node in self._nodes.values() if node.write}
        written = {path[:depth] for path in paths for depth in range(len(path) + 1)}
        for node in self._nodes.values():
            for path in node.needs:
                ends = path in written or any(path[:depth] in paths for depth in range(1, len(path)))
                if path[0] == "workflow" and not ends and "workflow" not in self._draft.seeds:
                    hint = self._near(format_path(path), (format_path(item) for item in paths))
                    self._advice("never_written", f"No operation writes {format_path(path)}", node.id, hint)
        reached = {*order, *(child for node in self._nodes.values() for child in node.children)}
        for name in self._nodes:
            if name not in reached:
                message = f"'{name}' is not in the order and nothing refers to it"
                self._advice("never_run", message, name, "Name it in the order, or leave it out.")

    def _advice(self, code: str, message: str, operation: str, suggestion: str | None) -> None:
        if not self._draft.is_full:
            hint = suggestion or "Give the reference a default if that is meant."
            self._issues.append(
                Issue(code=code, message=message, severity="warning", operation_id=operation, suggestion=hint)
            )

    def _plan(self, order: tuple[str, ...]) -> Plan:
        nodes = self._nodes
        draft = self._draft
        main = [nodes[name] for name in order]
        spans: dict[str, Span] = {}
        is_async = any(node.is_async for node in nodes.values())
        is_sequential = draft.is_sequential or not is_async  # what never waits has nothing to overlap with
        return Plan(
            hash=hashlib.sha256(self._document).hexdigest(),
            document=self._document,
            workflow=draft.workflow or draft.execution or "default",
            nodes=nodes,
            main=block_of(main, lambda node: whole_span(nodes, node, spans), is_sequential=is_sequential),
            seeds=draft.seeds,
            is_sequential=is_sequential,
            is_async=is_async,
            spans=spans,
            types=tuple({node.type.name: node.type for node in nodes.values()}.values()),
            credentials=frozenset(name for node in nodes.values() for name in node.credentials),
            calls=tuple(dict.fromkeys(node.call for node in nodes.values() if node.call)),
        )


def _circle(trail: Iterable[str], name: str) -> str:
    names = list(trail)
    return " -> ".join((*names[names.index(name) :], name))
