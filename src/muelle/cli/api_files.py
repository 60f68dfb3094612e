"""Files that describe APIs: Muelle's own shape, and A2E's `api_definitions.json`."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from muelle.cli.arguments import read_json
from muelle.cli.console import Console
from muelle.cli.failures import InvalidArgument
from muelle.egress import ApiDraft
from muelle.egress.shapes import NewApi, api_draft

_KNOWN = frozenset(NewApi.__struct_fields__)
_SPELLED = {"baseUrl": "base_url", "maxAnswerBytes": "max_answer_bytes"}
_ENDPOINT = ("method", "path", "description", "parameters")


def read_drafts(console: Console, file: str) -> list[ApiDraft]:
    """Return the Apis of a file; say on stderr which of A2E's fields mean nothing here. Raise what is wrong."""
    return [_draft(console, described) for described in _described(read_json(file))]


def _described(content: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON value
    """Yield the descriptions: one, a list, or `{"apis": …}` with a list or with one for each id."""
    if isinstance(content, dict) and "apis" in content:
        content = content["apis"]
        if isinstance(content, dict):
            content = [{"id": name, **_object(each)} for name, each in content.items()]
    for each in content if isinstance(content, list) else [content]:
        yield _object(each)


def _object(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    if not isinstance(value, dict):
        raise InvalidArgument('The file describes no APIs: {"apis": {"ID": {"baseUrl": …, "endpoints": […]}}} would.')
    return value


def _draft(console: Console, described: Mapping[str, Any]) -> ApiDraft:
    spelled = {_SPELLED.get(name, name): value for name, value in described.items()}
    name = str(spelled.get("id", ""))[:100]
    for other in sorted(spelled.keys() - _KNOWN):
        console.note(f"{name}: '{other}' is left out; a credential of Muelle takes the place of 'authentication'.")
    fields = {key: value for key, value in spelled.items() if key in _KNOWN}
    if isinstance(fields.get("endpoints"), list):
        fields["endpoints"] = [_endpoint(each) for each in fields["endpoints"]]
    try:
        return api_draft(msgspec.convert(fields, NewApi))
    except msgspec.ValidationError as error:
        raise InvalidArgument(f"The API '{name}' is not valid: {error}.", api=name) from None


def _endpoint(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    endpoint = {key: each for key, each in _object(value).items() if key in _ENDPOINT}
    if isinstance(endpoint.get("method"), str):
        endpoint["method"] = endpoint["method"].upper()
    return endpoint
