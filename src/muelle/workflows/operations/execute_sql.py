"""ExecuteSQL: a registered query, by its name; an agent writes no SQL."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from muelle.core import HttpCall, SqlRef
from muelle.packs import Json, OperationType, Step, WritePath


class ExecuteSQL(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Run a registered query with values for its parameters."""

    query: Annotated[str, Meta(min_length=1, max_length=100, description="The query's id.")]
    parameters: Annotated[
        dict[str, Any] | None,
        Meta(description="Values by name, of the types that the query declares. They are bound, never put into SQL."),
    ] = None
    output_path: Annotated[
        WritePath, Meta(description="Path that receives {columns, rows, count, truncated}; each row is an object.")
    ]


async def execute_sql(config: ExecuteSQL, step: Step[Any]) -> Json:
    """Return the rows; raise what the query raises."""
    wanted = SqlRef(config.query, config.parameters or {})
    answer = await step.http.call(HttpCall(method="GET", url="", query_of=wanted))
    return msgspec.json.decode(answer.body)


EXECUTE_SQL = OperationType(
    name="ExecuteSQL",
    summary="Run a registered query on a database.",
    config=ExecuteSQL,
    perform=execute_sql,
    effects="writes",
    example={
        "query": "orders-of-customer",
        "parameters": {"customer": {"path": "/workflow/customer"}},
        "outputPath": "/workflow/orders",
    },
)
