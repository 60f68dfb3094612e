"""Calls by an endpoint: what is given is checked against what it takes, and becomes an HTTP call."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from muelle.core import CredentialRef, HttpCall
from muelle.egress.definitions.errors import InvalidParameters
from muelle.egress.definitions.model import Definition, EndpointBody, Parameter
from muelle.egress.definitions.weights import factor_of, is_bearable

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

_STAND_IN = "a credential"
_LONGEST = 300
_DOTS = frozenset({".", ".."})


def is_usable(schema: Mapping[str, Any]) -> bool:
    """Tell whether a schema can be checked by: it is valid, its patterns are of the safe kind, it is not too heavy."""
    if not schema:
        return True
    try:
        _validator(msgspec.json.encode(schema, order="deterministic"))
    except ValueError:
        return False
    return factor_of(schema) is not None


def placed_call(
    definition: Definition,
    base_url: str,
    parameters: Mapping[str, Any],
    body: Any,  # noqa: ANN401 - any JSON value
) -> HttpCall:
    """Return the call that parameters and a body make of an endpoint; raise InvalidParameters, naming the one."""
    known = {parameter.name: parameter for parameter in definition.parameters}
    for name in parameters:
        if name not in known and not definition.is_open:
            raise InvalidParameters(field=f"parameters/{name[:100]}", reason="unknown", known=sorted(known)[:50])
    for parameter in definition.parameters:
        if parameters.get(parameter.name) is None:
            if parameter.required:
                raise InvalidParameters(field=f"parameters/{parameter.name}", reason="required")
        else:
            _check(parameter.schema, parameters[parameter.name], f"parameters/{parameter.name}")
    headers = dict(_of("header", definition.parameters, parameters))
    if definition.body is not None and body is not None and "json" not in definition.body.content_type:
        headers["Content-Type"] = definition.body.content_type
    return HttpCall(
        method=definition.method,
        url=f"{base_url}{_path(definition, parameters)}",
        headers=headers,
        query={**dict(_of("query", definition.parameters, parameters)), **_unknown(known, parameters)},
        body=body if definition.is_open else _body(definition.body, body),
    )


def _unknown(known: Mapping[str, Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in known and value is not None}


def _of(place: str, known: tuple[Parameter, ...], given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for parameter in known:
        value = given.get(parameter.name)
        if parameter.place == place and value is not None:
            if place == "header" and isinstance(value, list | dict) and not isinstance(value, CredentialRef):
                raise InvalidParameters(field=f"parameters/{parameter.name}", reason="a header is a text or a number")
            yield parameter.name, value


def _path(definition: Definition, given: Mapping[str, Any]) -> str:
    """Return the path with its parameters in place: each stays within its segment, whatever it holds."""
    path = definition.path
    for parameter in definition.parameters:
        if parameter.place == "path":
            path = path.replace(f"{{{parameter.name}}}", _segment(parameter.name, given[parameter.name]))
    return path


def _segment(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise InvalidParameters(field=f"parameters/{name}", reason="in a path: a text or a number")
    text = str(value)
    if not text or text in _DOTS or not text.isprintable():
        raise InvalidParameters(field=f"parameters/{name}", reason="empty, dots alone or control characters")
    return quote(text, safe="")


def _body(known: EndpointBody | None, body: Any) -> Any:  # noqa: ANN401 - any JSON value
    if known is None:
        if body is not None:
            raise InvalidParameters(field="body", reason="the endpoint takes none")
        return None
    if body is None:
        if known.required:
            raise InvalidParameters(field="body", reason="required")
        return None
    _check(known.schema, body, "body")
    return body


def _check(schema: Mapping[str, Any], value: Any, field: str) -> None:  # noqa: ANN401 - any JSON value
    if not schema or isinstance(value, CredentialRef):
        return
    encoded = msgspec.json.encode(schema, order="deterministic")
    if not is_bearable(_factor(encoded), value):
        raise InvalidParameters(field=field, reason="nested too deep to be checked by its schema")
    fault = next(_validator(encoded).iter_errors(_plain(value)), None)
    if fault is not None:
        place = "/".join(str(part) for part in fault.instance_path)
        raise InvalidParameters(field=f"{field}/{place}".rstrip("/")[:_LONGEST], reason=fault.message[:_LONGEST])


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value in which a text stands for each credential; the secret is put in later, and never checked."""
    if isinstance(value, CredentialRef):
        return _STAND_IN
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


@lru_cache(maxsize=256)
def _factor(schema: bytes) -> int:
    return factor_of(msgspec.json.decode(schema)) or 1  # what is too heavy was left out by the import


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> "Draft202012Validator":
    from jsonschema_rs import Draft202012Validator, RegexOptions  # noqa: PLC0415 - 30 ms, only where there are schemas

    return Draft202012Validator(
        msgspec.json.decode(schema), mask="the value", offline=True, pattern_options=RegexOptions()
    )
