"""The routes that are hot: they skip the framework and do what the framework's routes of the same paths do."""

from collections.abc import Mapping
from typing import Any, get_args

from muelle.doors.http.door import Asked, Hot
from muelle.doors.http.problems import Reply, invalid_parameter
from muelle.workflows import Format, Workflows, encode_answer
from muelle.workflows.requests import read_request

_FORMATS = frozenset(get_args(Format))
_EXPECTED = "Input should be 'full', 'summary' or 'minimal'"  # as the framework says it


def hot_routes(workflows: Workflows) -> Mapping[tuple[str, str], Hot]:
    """Return handlers by method and path."""

    async def execute(asked: Asked) -> Reply:
        form: Any = asked.parameters().get("format", "full")
        if form not in _FORMATS:
            raise invalid_parameter("query.format", _EXPECTED)
        request = read_request(asked.body, asked.content_type)
        outcome = await workflows.run(asked.principal, request.document, request.inputs, request=asked.request)
        return Reply(200, encode_answer(outcome, form))

    return {("POST", "/api/v1/workflows/execute"): execute}
