"""The HTTP routes of databases and queries."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from muelle.core import Body, Secret, answers
from muelle.egress.queries import shapes
from muelle.egress.queries.model import DatabaseId, QueryId, Rows
from muelle.egress.queries.service import Queries
from muelle.egress.shapes import NAME
from muelle.identity import Principal

Caller = Callable[[Request], Awaitable[Principal]]
DatabaseName = Annotated[str, Path(pattern=NAME, description="The database's id.")]
QueryName = Annotated[str, Path(pattern=NAME, description="The query's id.")]
Words = Annotated[str, Query(max_length=500, description="Words that the query's id or description has.")]
Only = Annotated[str, Query(max_length=100, description="Only queries on this database.")]

_ENCODE = msgspec.json.Encoder().encode
_GONE: dict[int | str, dict[str, Any]] = {204: {"description": "Done; there is nothing to say."}}
_NEW_DATABASE = Body(shapes.NewDatabase)
_NEW_QUERY = Body(shapes.NewQuery)
_RUN = Body(shapes.RunQuery)


def routes(queries: Callable[[], Queries], caller: Caller) -> APIRouter:
    """Return the routes; `queries` is asked at the first request, `caller` tells who asks."""
    router = APIRouter(prefix="/api/v1", tags=["egress"])
    who = Depends(caller)
    _databases(router, queries, who)
    _queries(router, queries, who)
    _running(router, queries, who)
    return router


def _databases(router: APIRouter, queries: Callable[[], Queries], who: Any) -> None:  # noqa: ANN401 - Depends
    @router.get("/databases", responses=answers(200, "Databases by id.", shapes.DatabaseList), summary="List databases")
    async def list_databases(actor: Annotated[Principal, who]) -> Response:
        found = [shapes.database_shape(each) for each in await queries().databases(actor)]
        return _json(shapes.DatabaseList(databases=found, count=len(found)))

    @router.post(
        "/databases",
        status_code=201,
        responses=answers(201, "The database, without its password.", shapes.DatabaseShape),
        openapi_extra=_NEW_DATABASE.description,
        summary="Register a database",
    )
    async def add_database(request: Request, actor: Annotated[Principal, who]) -> Response:
        body = await _read(_NEW_DATABASE, request)
        draft = shapes.database_draft(body)
        await queries().add_database(actor, draft, None if body.password is None else Secret(body.password))
        return _json(shapes.database_shape(draft), 201)

    @router.delete("/databases/{database}", status_code=204, responses=_GONE, summary="Remove a database")
    async def remove_database(actor: Annotated[Principal, who], database: DatabaseName) -> Response:
        await queries().remove_database(actor, DatabaseId(database))
        return Response(status_code=204)


def _queries(router: APIRouter, queries: Callable[[], Queries], who: Any) -> None:  # noqa: ANN401 - Depends
    @router.get(
        "/sql-queries",
        responses=answers(200, "Queries that you may run or manage.", shapes.QueryList),
        summary="Search registered queries",
    )
    async def list_queries(actor: Annotated[Principal, who], q: Words = "", database: Only = "") -> Response:
        found = [shapes.query_shape(each) for each in await queries().search(actor, q, database)]
        return _json(shapes.QueryList(queries=found, count=len(found)))

    @router.post(
        "/sql-queries",
        status_code=201,
        responses=answers(201, "The query.", shapes.QueryShape),
        openapi_extra=_NEW_QUERY.description,
        summary="Register a query",
    )
    async def add_query(request: Request, actor: Annotated[Principal, who]) -> Response:
        draft = shapes.query_draft(await _read(_NEW_QUERY, request))
        await queries().add(actor, draft)
        return _json(shapes.query_shape(draft), 201)

    @router.delete("/sql-queries/{query}", status_code=204, responses=_GONE, summary="Remove a query")
    async def remove_query(actor: Annotated[Principal, who], query: QueryName) -> Response:
        await queries().remove(actor, QueryId(query))
        return Response(status_code=204)


def _running(router: APIRouter, queries: Callable[[], Queries], who: Any) -> None:  # noqa: ANN401 - Depends
    @router.get("/sql-queries/{query}", responses=answers(200, "The query.", shapes.QueryShape), summary="Show a query")
    async def show_query(actor: Annotated[Principal, who], query: QueryName) -> Response:
        return _json(shapes.query_shape(await queries().show(actor, QueryId(query))))

    @router.post(
        "/sql-queries/{query}/run",
        responses=answers(200, "The rows.", Rows),
        openapi_extra=_RUN.description,
        summary="Run a registered query",
    )
    async def run_query(request: Request, actor: Annotated[Principal, who], query: QueryName) -> Response:
        body = await _read(_RUN, request)
        return _json(await queries().run(actor, QueryId(query), body.parameters))


async def _read(body: Body[Any], request: Request) -> Any:  # noqa: ANN401 - what the body holds
    return body.read(await request.body(), request.headers.get("content-type", ""))


def _json(shape: msgspec.Struct, status: int = 200) -> Response:
    return Response(_ENCODE(shape), status, media_type="application/json")
