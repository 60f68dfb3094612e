"""The shape of a config: what its type allows, and what a config of that type reads, writes and refers to.

A Struct's annotations are compiled once into closures that walk a raw config, accept a reference wherever a value may
stand, and note every fault with its JSON pointer instead of stopping at the first.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from msgspec import inspect as types

from muelle.core import MuelleError
from muelle.workflows.issues import MOST_ISSUES, Issue, nearest, pointer
from muelle.workflows.paths import Path, parse_path
from muelle.workflows.references import Interpolation, Reference, as_reference

Location = tuple[str | int, ...]
Check = Callable[[Any, Location, "Findings"], None]
Compiled = dict[type[Any], Check]
_HINTS = {
    "wrong_type": 'Give that, or a reference to it such as {"path": "/workflow/x"}.',
    "wrong_length": "Give as many items as that.",
    "invalid_value": "Give a value within these bounds.",
    "too_deep": "Flatten the structure, or ask an operator to raise the limit depth.",
}


@dataclass(slots=True)
class Findings:
    """What one walk over a config found. `references` and `credentials` say where in the config they stand.

    At most `room` issues are noted; paths may have `depth` segments.
    """

    room: int = MOST_ISSUES
    depth: int = 64
    issues: list[Issue] = field(default_factory=list)
    references: list[tuple[Location, Reference | Interpolation]] = field(default_factory=list)
    credentials: list[tuple[Location, str]] = field(default_factory=list)
    reads: list[Path] = field(default_factory=list)
    soft_reads: list[Path] = field(default_factory=list)
    writes: list[Path] = field(default_factory=list)
    operations: list[tuple[Location, str]] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether no more issues will be noted."""
        return len(self.issues) >= self.room

    def fault(
        self,
        code: str,
        message: str,
        at: Location,
        suggestion: str | None = None,
        near: tuple[str, Iterable[str]] | None = None,
    ) -> None:
        """Note an error at a place; `near` is a word and the known words of which the nearest is suggested."""
        if not self.is_full:
            hint = suggestion or (_choice(*near) if near else _HINTS.get(code))
            self.issues.append(Issue(code=code, message=message, path=pointer(at), suggestion=hint))

    def note(self, issue: Issue) -> None:
        """Note an issue."""
        if not self.is_full:
            self.issues.append(issue)

    def measure(self, path: Path, at: Location) -> None:
        """Note an error if a path is too long."""
        if len(path) > self.depth:
            self.fault("too_deep", f"The path has more than {self.depth} segments", at)


def _choice(word: str, known: Iterable[str]) -> str:
    """Name the nearest of the known words, or all of them where none is near."""
    return nearest(word, known) or f"One of: {', '.join(known)}."


def compile_shape(config: type[Any]) -> Check:
    """Return the check for configs of a Struct type."""
    return _struct(types.type_info(config), {})


def _compile(kind: types.Type, known: Compiled) -> Check:
    if isinstance(kind, types.Metadata):
        role = _ROLES.get(str((kind.extra or {}).get("role")))
        return role(kind.type, known) if role else _compile(kind.type, known)
    for family, compiler in _COMPILERS:
        if isinstance(kind, family):
            return compiler(kind, known)
    return _scalar(kind)


def _struct(kind: Any, known: Compiled) -> Check:  # noqa: ANN401 - a StructType
    if kind.cls in known:
        cls = kind.cls
        return lambda value, at, found: known[cls](value, at, found)  # noqa: PLW0108 - looked up late: it may stand inside itself
    known[kind.cls] = _anything  # a struct inside itself meets this name, which stands for the check by then
    fields = {item.encode_name: _compile(item.type, known) for item in kind.fields}
    required = {item.encode_name for item in kind.fields if item.required}
    name = kind.cls.__name__

    def check(value: Any, at: Location, found: Findings) -> None:  # noqa: ANN401 - any JSON value
        if type(value) is not dict:
            if not _refers(value, at, found):
                found.fault("wrong_type", f"Expected an object, got {_called(value)}", at)
            return
        if "path" not in fields and _refers(value, at, found):
            return
        for key, item in value.items():
            if known_field := fields.get(key):
                known_field(item, (*at, key), found)
            else:
                found.fault("unknown_field", f"{name} has no field '{key[:100]}'", (*at, key), near=(key, fields))
        if not required <= value.keys():
            for key in sorted(required - value.keys()):
                found.fault("missing_field", f"{name} needs the field '{key}'", at, f"Add '{key}'.")

    known[kind.cls] = check
    return check


def _union(kind: Any, known: Compiled) -> Check:  # noqa: ANN401 - a UnionType
    members = [(_accepts(member), _compile(member, known)) for member in kind.types]
    names = " or ".join(_name(member) for member in kind.types if not isinstance(member, types.NoneType))

    def check(value: Any, at: Location, found: Findings) -> None:  # noqa: ANN401 - any JSON value
        for accepted, member in members:
            if type(value) in accepted:
                member(value, at, found)
                return
        if not _refers(value, at, found):
            found.fault("wrong_type", f"Expected {names}, got {_called(value)}", at)

    return check


def _list(kind: Any, known: Compiled) -> Check:  # noqa: ANN401 - a ListType or VarTupleType
    item = _compile(kind.item_type, known)
    least, most = kind.min_length or 0, kind.max_length

    def check(value: Any, at: Location, found: Findings) -> None:  # noqa: ANN401 - any JSON value
        if type(value) is not list:
            if not _refers(value, at, found):
                found.fault("wrong_type", f"Expected a list, got {_called(value)}", at)
            return
        if len(value) < least or (most is not None and len(value) > most):
            found.fault("wrong_length", f"Expected {least} to {most or 'any number of'} items, got {len(value)}", at)
        for index, element in enumerate(value):
            item(element, (*at, index), found)

    return check


def _mapping(kind: Any, known: Compiled) -> Check:  # noqa: ANN401 - a DictType
    item = _compile(kind.value_type, known)

    def check(value: Any, at: Location, found: Findings) -> None:  # noqa: ANN401 - any JSON value
        if _refers(value, at, found):
            return
        if type(value) is not dict:
            found.fault("wrong_type", f"Expected an object, got {_called(value)}", at)
            return
        if "credentialRef" in value:
            _refuse_credential(at, found)
            return
        for key, element in value.items():
            item(element, (*at, key), found)

    return check


def _scalar(kind: types.Type) -> Check:
    accepted, name = _accepts(kind), _name(kind)
    fault = _bounds(kind)

    def check(value: Any, at: Location, found: Findings) -> None:  # noqa: ANN401 - any JSON value
        if _refers(value, at, found):
            return
        if type(value) not in accepted:
            found.fault("wrong_type", f"Expected {name}, got {_called(value)}", at)
        elif (message := fault(value)) is not None and not found.is_full:
            choices = [str(choice) for choice in getattr(kind, "values", ())]
            found.fault("invalid_value", message, at, _choice(str(value), choices) if choices else None)

    return check


def _bounds(kind: types.Type) -> Callable[[Any], str | None]:
    """Return what says why a scalar of the right type is out of its bounds, or None if it is not."""
    if isinstance(kind, types.LiteralType):
        choices = frozenset((type(choice), choice) for choice in kind.values)
        return lambda value: None if (type(value), value) in choices else f"'{str(value)[:100]}' is not a choice here"
    bounds = {
        name: bound
        for name in ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern")
        if (bound := getattr(kind, name, None)) is not None
    }
    if not bounds:
        return lambda _: None
    base: Any = {types.IntType: int, types.FloatType: float, types.StrType: str}[type(kind)]
    annotation = Annotated[base, msgspec.Meta(**bounds)]

    def fault(value: Any) -> str | None:  # noqa: ANN401 - a scalar
        try:
            msgspec.convert(value, annotation)
        except msgspec.ValidationError as error:
            return str(error)
        return None

    return fault


def _anything(value: Any, at: Location, found: Findings) -> None:  # noqa: ANN401 - any JSON value
    kind = type(value)
    if kind is str:
        if "/" in value:
            _refers(value, at, found)
        return
    if kind is dict:
        if "credentialRef" in value:
            _refuse_credential(at, found)
        elif not _refers(value, at, found):
            for key, item in value.items():
                _anything(item, (*at, key), found)
    elif kind is list:
        for index, item in enumerate(value):
            _anything(item, (*at, index), found)


def holds_credential(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Tell whether a credentialRef stands anywhere in a value."""
    if type(value) is list:
        return any(map(holds_credential, value))
    return type(value) is dict and ("credentialRef" in value or any(map(holds_credential, value.values())))


def _refuse_credential(at: Location, found: Findings) -> None:
    hint = "Put it into the headers, query or body of an ApiCall."
    found.fault("credential_not_allowed", "A credentialRef cannot stand here", at, hint)


def _secret(value: Any, at: Location, found: Findings) -> None:  # noqa: ANN401 - any JSON value
    if type(value) is list:
        for index, item in enumerate(value):
            _secret(item, (*at, index), found)
    elif type(value) is not dict:
        _anything(value, at, found)
    elif "credentialRef" in value:
        _credential(value, at, found)
    elif not _refers(value, at, found):
        for key, item in value.items():
            _secret(item, (*at, key), found)


def _credential(value: Mapping[str, Any], at: Location, found: Findings) -> None:
    inner = value["credentialRef"]
    name = inner.get("id") if type(inner) is dict and len(inner) == 1 == len(value) else None
    if type(name) is str and name:
        found.credentials.append((at, name))
    else:
        message = 'A credentialRef is {"credentialRef": {"id": NAME}} and nothing else'
        found.fault("invalid_credential_ref", message, at, "Name the credential; its secret never stands here.")


def _refers(value: Any, at: Location, found: Findings, *, is_url: bool = False) -> bool:  # noqa: ANN401 - any JSON value
    """Note a reference if `value` is one; return whether it was."""
    try:
        reference = as_reference(value, is_url=is_url)
    except MuelleError as error:
        found.fault(error.code, str(error), at, error.suggestions[0])
        return True
    if reference is None:
        return False
    for path in reference.paths:
        found.measure(path, at)
    if isinstance(reference, Reference) and holds_credential(reference.default):
        _refuse_credential((*at, "default"), found)
    found.references.append((at, reference))
    return True


def _path_role(collect: Callable[[Findings], list[Path]]) -> Callable[[types.Type, Compiled], Check]:
    def check(value: Any, at: Location, found: Findings) -> None:  # noqa: ANN401 - any JSON value
        if type(value) is not str:
            found.fault("wrong_type", f"Expected a path, got {_called(value)}", at, "Such as /workflow/users.")
            return
        try:
            path = parse_path(value)
        except MuelleError as error:
            found.fault(error.code, str(error), at, "Such as /workflow/users or /workflow/users[0]/name.")
            return
        found.measure(path, at)
        collect(found).append(path)

    return lambda _kind, _known: check


def _operation(value: Any, at: Location, found: Findings) -> None:  # noqa: ANN401 - any JSON value
    if type(value) is str:
        found.operations.append((at, value))
    else:
        found.fault("wrong_type", f"Expected an operation's id, got {_called(value)}", at, "Name it as it is defined.")


def _url(value: Any, at: Location, found: Findings) -> None:  # noqa: ANN401 - any JSON value
    if _refers(value, at, found, is_url=True):
        return
    if type(value) is not str or not value:
        found.fault("wrong_type", f"Expected a URL, got {_called(value)}", at)


def _literal(kind: types.Type, known: Compiled) -> Check:
    inner = _compile(kind, known)
    accepted = _accepts(kind)

    def check(value: Any, at: Location, found: Findings) -> None:  # noqa: ANN401 - any JSON value
        if type(value) is str and str in accepted:
            return
        inner(value, at, found)

    return check


_COMPILERS: tuple[tuple[Any, Callable[[Any, Compiled], Check]], ...] = (
    (types.StructType, _struct),
    (types.UnionType, _union),
    ((types.ListType, types.VarTupleType), _list),
    (types.DictType, _mapping),
    (types.AnyType, lambda _kind, _known: _anything),
)
_ROLES: Mapping[str, Callable[[types.Type, Compiled], Check]] = {
    "read": _path_role(lambda found: found.reads),
    "soft-read": _path_role(lambda found: found.soft_reads),
    "write": _path_role(lambda found: found.writes),
    "operation": lambda _kind, _known: _operation,
    "url": lambda _kind, _known: _url,
    "literal": _literal,
    "secret": lambda _kind, _known: _secret,
}

_PYTHON: Mapping[type[types.Type], frozenset[type[Any]]] = {
    types.BoolType: frozenset({bool}),
    types.IntType: frozenset({int}),
    types.FloatType: frozenset({int, float}),
    types.StrType: frozenset({str}),
    types.NoneType: frozenset({type(None)}),
    types.ListType: frozenset({list}),
    types.VarTupleType: frozenset({list}),
    types.DictType: frozenset({dict}),
    types.StructType: frozenset({dict}),
    types.AnyType: frozenset({bool, int, float, str, type(None), list, dict}),
}
_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}


def _accepts(kind: types.Type) -> frozenset[type[Any]]:
    """Return the Python types of JSON values that a type takes."""
    if isinstance(kind, types.Metadata):
        return _accepts(kind.type)
    if isinstance(kind, types.UnionType):
        return frozenset().union(*(_accepts(member) for member in kind.types))
    if isinstance(kind, types.LiteralType):
        return frozenset(type(value) for value in kind.values)
    return _PYTHON[type(kind)]


def _name(kind: types.Type) -> str:
    accepted = _accepts(kind)
    return " or ".join(
        name for python, name in _NAMES.items() if python in accepted and not _narrower(python, accepted)
    )


def _narrower(python: type[Any], accepted: frozenset[type[Any]]) -> bool:
    return python is int and float in accepted


def _called(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return "null" if value is None else _NAMES.get(type(value), type(value).__name__)
