"""What goes into operations and comes out of them: configs with their references resolved, outputs as JSON, weighed."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from muelle.core import MuelleError
from muelle.packs import Limits
from muelle.workflows.data_model import Tree
from muelle.workflows.errors import DataTooLarge, NotAValue, UnsuitableConfig
from muelle.workflows.paths import MissingData, parse_path
from muelle.workflows.plan import Node, Plan
from muelle.workflows.record import Record
from muelle.workflows.substitution import substituted

_ENCODE = msgspec.json.Encoder().encode
_HEAVY = 20_000  # items or characters; below, handing over to a thread costs more than it frees the loop
_FEW = 4  # references in a config, which even all together cannot fill the memory


def first_data(plan: Plan, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data model that a run begins with: its seeds, and the inputs over them."""
    data: dict[str, Any] = {"workflow": {}, "config": {}, "input": dict(inputs)}
    if not plan.seeds:
        return data
    for root, seeds in plan.seeds.items():
        data[root] = {**data.get(root, {}), **seeds} if root != "input" else {**seeds, **inputs}
    return data


def is_heavy(node: Node, tree: Tree) -> bool:
    """Tell whether an operation reads so much that it had better be done in a thread."""
    if not node.needs:
        return False
    value = tree.find(node.needs[0])
    return isinstance(value, list | str) and len(value) > _HEAVY


def explained(error: MuelleError, plan: Plan) -> MuelleError:
    """Say of missing data which operation would have written it."""
    if isinstance(error, MissingData) and "written_by" not in error.facts:
        error.facts["written_by"] = plan.writers(parse_path(error.facts["path"]))
    return error


def stand_in(node: Node, tree: Tree, record: Record, value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Put the value of onError where the output should be; if it cannot be put there, the failure stays one."""
    try:
        if node.write is not None:
            tree.write(node.write, value)
    except MuelleError as error:
        record.error = error
        return
    record.output, record.encoded, record.is_handled = value, _ENCODE(value), True
    if node.id == tree.tail:
        tree.output = value


class Values:
    """The values of one run, within the limit `data_bytes`."""

    __slots__ = ("_bytes", "_most")

    def __init__(self, limits: Limits) -> None:
        self._most = limits.data_bytes
        self._bytes = 0

    def config(self, node: Node, tree: Tree) -> Any:  # noqa: ANN401 - the type of the config
        """Return an operation's config, its references resolved; raise MissingData, UnsuitableConfig, DataTooLarge."""
        if node.config is not None:
            return node.config
        values = [(place, reference.resolve(tree)) for place, reference in node.references]
        if len(values) > _FEW:
            self._measure(value for _, value in values)
        raw = substituted(node.raw, values)
        try:
            return msgspec.convert(raw, node.type.config)
        except msgspec.ValidationError as error:
            raise UnsuitableConfig(fault=str(error)) from None

    def weighed(self, output: Any) -> bytes:  # noqa: ANN401 - any JSON value
        """Return an output as JSON, and count it; raise NotAValue or DataTooLarge."""
        try:
            encoded = _ENCODE(output)
        except (TypeError, ValueError, RecursionError, OverflowError) as error:
            raise NotAValue(fault=str(error)[:200]) from None
        self.add(len(encoded))
        if self._bytes > self._most:
            raise DataTooLarge(limit=self._most)
        return encoded

    def add(self, size: int) -> None:
        """Count an output that is known already."""
        self._bytes += size

    def _measure(self, values: Iterable[Any]) -> None:
        """Refuse a config that would be larger than all data may be, before it is built; each value is encoded once."""
        sizes: dict[int, int] = {}
        total = 0
        for value in values:
            size = sizes.get(id(value))
            if size is None:
                size = sizes[id(value)] = len(_ENCODE(value))
            total += size
            if total > self._most:
                raise DataTooLarge(limit=self._most)
