"""The routes that are hot: they skip the framework and do what the framework's routes of the same paths do."""

from collections.abc import Mapping
from typing import Any, get_args

from muelle.doors.http.door import Asked, Hot
from muelle.doors.http.problems import Reply, invalid_parameter
from muelle.workflows import Format
from muelle.workflows.submissions.service import Submissions

_FORMATS = frozenset(get_args(Format))
_EXPECTED = "Input should be 'full', 'summary' or 'minimal'"  # as the framework says it


def hot_routes(submissions: Submissions) -> Mapping[tuple[str, str], Hot]:
    """Return handlers by method and path."""

    async def execute(asked: Asked) -> Reply:
        form: Any = asked.parameters().get("format", "full")
        if form not in _FORMATS:
            raise invalid_parameter("query.format", _EXPECTED)
        told = await submissions.take(
            asked.principal, asked.body, asked.content_type, asked.headers, form, asked.request
        )
        return Reply(told.status, told.body, headers=told.headers)

    return {("POST", "/api/v1/workflows/execute"): execute}
