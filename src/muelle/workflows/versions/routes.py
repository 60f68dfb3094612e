"""The HTTP routes of saved workflows: the same verbs as the command line's."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.convertors import StringConvertor, register_url_convertor

from muelle.core import Body, Clock, answers
from muelle.identity import Principal
from muelle.workflows.answer import Format, answer
from muelle.workflows.shapes import ANSWER
from muelle.workflows.submissions.service import Named, Submissions
from muelle.workflows.versions import shapes
from muelle.workflows.versions.by_name import NamedOutcome, NamedRuns
from muelle.workflows.versions.headers import VERSION, version_headers
from muelle.workflows.versions.keeping import MAX_PAGE
from muelle.workflows.versions.model import RESERVED
from muelle.workflows.versions.service import SavedWorkflows

Caller = Callable[[Request], Awaitable[Principal]]

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many items the page has at most.")]
Cursor = Annotated[str | None, Query(max_length=200, description="The next_cursor of the page before.")]
Name = Annotated[str, Path(pattern=shapes.NAME, description="The workflow's name.")]
Wanted = Annotated[str, Path(max_length=100, description="A version, a range such as ^1.2, or an alias.")]
Exact = Annotated[str, Path(max_length=100, description="A version, such as 1.2.3.")]
Alias = Annotated[str, Path(max_length=50, description="The alias.")]

_ENCODE = msgspec.json.Encoder().encode
_GONE: dict[int | str, dict[str, Any]] = {204: {"description": "Done; there is nothing to say."}}
_NEW_VERSION = Body(shapes.NewVersion)
_UPDATE = Body(shapes.WorkflowUpdate)
_ALIAS = Body(shapes.AliasBody)
_ROLLBACK = Body(shapes.RollbackBody)
_DEPRECATION = Body(shapes.DeprecationBody)
_WITHDRAWAL = Body(shapes.WithdrawalBody)
_EXECUTE = Body(shapes.ExecuteByName)
_TEXT = {"schema": {"type": "string"}}
_RAN: dict[int | str, dict[str, Any]] = {
    200: {
        **ANSWER[200],
        "headers": {
            VERSION: {"description": "The version that ran.", **_TEXT},
            "Deprecation": {"description": "Since when the version is advised against.", **_TEXT},
            "Sunset": {"description": "From when on it cannot be run.", **_TEXT},
        },
    }
}


class _NameConvertor(StringConvertor):
    """A segment that can be a workflow's name: paths beside it, such as `/execute`, are no workflows."""

    regex = rf"(?!(?:{'|'.join(sorted(RESERVED))})(?:/|$))[^/]+"


def routes(saved: SavedWorkflows, runs: NamedRuns, submissions: Submissions, clock: Clock, caller: Caller) -> APIRouter:
    """Return the routes; `caller` tells who asks, or raises Unauthenticated."""
    register_url_convertor("workflow", _NameConvertor())
    router = APIRouter(prefix="/api/v1/workflows", tags=["saved workflows"])
    who = Depends(caller)
    _workflows(router, saved, who)
    _workflow(router, saved, clock, who)
    _versions(router, saved, who)
    _statuses(router, saved, who)
    _aliases(router, saved, who)
    _execution(router, runs, submissions, who)
    return router


def _workflows(router: APIRouter, saved: SavedWorkflows, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get("", responses=answers(200, "Saved workflows by name.", shapes.WorkflowPage), summary="List workflows")
    async def list_workflows(
        actor: Annotated[Principal, who],
        search: Annotated[str, Query(max_length=200, description="Found in name, description or tags.")] = "",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Response:
        page = await saved.list(actor, search, limit, cursor)
        items = tuple(map(shapes.workflow_shape, page.items))
        return _json(shapes.WorkflowPage(workflows=items, count=len(items), next_cursor=page.next))

    @router.post(
        "",
        status_code=201,
        responses=answers(201, "What was published; with 200 what was there already.", shapes.PublicationShape),
        openapi_extra=_NEW_VERSION.description,
        summary="Publish a version of a workflow",
    )
    async def publish_version(request: Request, actor: Annotated[Principal, who]) -> Response:
        body = await _read(_NEW_VERSION, request)
        draft = shapes.draft_of(body)
        publication = await saved.publish(actor, draft, is_rehearsal=body.rehearsal, request=_id(request))
        shape = shapes.publication_shape(body.name, publication, is_rehearsal=body.rehearsal)
        location = {"location": f"/api/v1/workflows/{body.name}/versions/{shape.version}"}
        return _json(shape, 201 if shape.published else 200, {} if body.rehearsal else location)


def _workflow(router: APIRouter, saved: SavedWorkflows, clock: Clock, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    shown = answers(200, "The workflow with its versions and aliases.", shapes.WorkflowDetail)

    @router.get("/{name:workflow}", responses=shown, summary="Show a workflow")
    async def show_workflow(request: Request, actor: Annotated[Principal, who], name: Name) -> Response:
        return _json(shapes.workflow_detail(await saved.show(actor, name, request=_id(request)), clock.now()))

    @router.patch("/{name:workflow}", responses=shown, openapi_extra=_UPDATE.description, summary="Describe a workflow")
    async def describe_workflow(request: Request, actor: Annotated[Principal, who], name: Name) -> Response:
        body = await _read(_UPDATE, request)
        description, tags = shapes.given(body.description), shapes.tags_of(body.tags)
        await saved.describe(actor, name, description=description, tags=tags, request=_id(request))
        return _json(shapes.workflow_detail(await saved.show(actor, name, request=_id(request)), clock.now()))

    @router.delete("/{name:workflow}", status_code=204, responses=_GONE, summary="Remove a withdrawn workflow")
    async def remove_workflow(request: Request, actor: Annotated[Principal, who], name: Name) -> Response:
        await saved.remove(actor, name, request=_id(request))
        return Response(status_code=204)

    @router.get(
        "/{name:workflow}/history",
        responses=answers(200, "What became of it, the newest first.", shapes.EntryPage),
        summary="A workflow's history",
    )
    async def list_workflow_history(
        request: Request, actor: Annotated[Principal, who], name: Name, limit: Limit = 50, cursor: Cursor = None
    ) -> Response:
        page = await saved.history(actor, name, limit, cursor, request=_id(request))
        items = tuple(map(shapes.entry_shape, page.items))
        return _json(shapes.EntryPage(history=items, count=len(items), next_cursor=page.next))


def _versions(router: APIRouter, saved: SavedWorkflows, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    @router.get(
        "/{name:workflow}/versions",
        responses=answers(200, "Versions, the highest first.", shapes.VersionList),
        summary="List a workflow's versions",
    )
    async def list_versions(request: Request, actor: Annotated[Principal, who], name: Name) -> Response:
        workflow = await saved.show(actor, name, request=_id(request))
        return _json(shapes.VersionList(versions=tuple(map(shapes.release_shape, workflow.releases))))

    @router.get(
        "/{name:workflow}/versions/{version}",
        responses=answers(200, "The version with its document and schemas.", shapes.VersionShape),
        summary="Show a version",
    )
    async def show_version(request: Request, actor: Annotated[Principal, who], name: Name, version: Wanted) -> Response:
        release, content = await saved.version(actor, name, version, request=_id(request))
        return _json(shapes.version_shape(name, release, content), headers=version_headers(release))

    @router.get(
        "/{name:workflow}/diff",
        responses=answers(200, "What is different.", shapes.DifferenceShape),
        summary="Compare two versions",
    )
    async def compare_versions(
        request: Request,
        actor: Annotated[Principal, who],
        name: Name,
        before: Annotated[str, Query(max_length=100, description="A version, a range or an alias.")],
        after: Annotated[str, Query(max_length=100, description="The other one.")] = "latest",
    ) -> Response:
        return _json(shapes.difference_shape(await saved.diff(actor, name, before, after, request=_id(request))))


def _statuses(router: APIRouter, saved: SavedWorkflows, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    marked = answers(200, "The version as it is now.", shapes.ReleaseShape)

    @router.post(
        "/{name:workflow}/versions/{version}/deprecate",
        responses=marked,
        openapi_extra=_DEPRECATION.description,
        summary="Advise against a version",
    )
    async def deprecate_version(
        request: Request, actor: Annotated[Principal, who], name: Name, version: Exact
    ) -> Response:
        body = await _read(_DEPRECATION, request)
        release = await saved.deprecate(
            actor, name, version, message=body.message, sunset=body.sunset, request=_id(request)
        )
        return _json(shapes.release_shape(release))

    @router.post(
        "/{name:workflow}/versions/{version}/withdraw",
        responses=marked,
        openapi_extra=_WITHDRAWAL.description,
        summary="Let nobody run a version any more",
    )
    async def withdraw_version(
        request: Request, actor: Annotated[Principal, who], name: Name, version: Exact
    ) -> Response:
        body = await _read(_WITHDRAWAL, request)
        release = await saved.withdraw(actor, name, version, message=body.message, request=_id(request))
        return _json(shapes.release_shape(release))

    @router.post("/{name:workflow}/versions/{version}/restore", responses=marked, summary="Take that back")
    async def restore_version(
        request: Request, actor: Annotated[Principal, who], name: Name, version: Exact
    ) -> Response:
        return _json(shapes.release_shape(await saved.restore(actor, name, version, request=_id(request))))


def _aliases(router: APIRouter, saved: SavedWorkflows, who: Any) -> None:  # noqa: ANN401 - FastAPI's Depends
    meant = answers(200, "What the alias means now.", shapes.AliasShape)

    @router.put(
        "/{name:workflow}/aliases/{alias}", responses=meant, openapi_extra=_ALIAS.description, summary="Set an alias"
    )
    async def set_alias(request: Request, actor: Annotated[Principal, who], name: Name, alias: Alias) -> Response:
        body = await _read(_ALIAS, request)
        said, version = await saved.set_alias(actor, name, alias, body.version, request=_id(request))
        return _json(shapes.AliasShape(alias=said, version=version))

    @router.delete("/{name:workflow}/aliases/{alias}", status_code=204, responses=_GONE, summary="Remove an alias")
    async def remove_alias(request: Request, actor: Annotated[Principal, who], name: Name, alias: Alias) -> Response:
        await saved.remove_alias(actor, name, alias, request=_id(request))
        return Response(status_code=204)

    @router.post(
        "/{name:workflow}/rollback",
        responses=meant,
        openapi_extra=_ROLLBACK.description,
        summary="Go back to the version before",
    )
    async def roll_back(request: Request, actor: Annotated[Principal, who], name: Name) -> Response:
        body = await _read(_ROLLBACK, request)
        alias, version = await saved.rollback(actor, name, body.alias, request=_id(request))
        return _json(shapes.AliasShape(alias=alias, version=version))


def _execution(
    router: APIRouter,
    runs: NamedRuns,
    submissions: Submissions,
    who: Any,  # noqa: ANN401 - FastAPI's Depends
) -> None:
    @router.post(
        "/{name:workflow}/execute", responses=_RAN, openapi_extra=_EXECUTE.description, summary="Run a saved workflow"
    )
    async def execute_workflow(
        request: Request,
        principal: Annotated[Principal, who],
        name: Name,
        form: Annotated[Format, Query(alias="format", description="How much the answer tells.")] = "full",
    ) -> Response:
        body = await _read(_EXECUTE, request)
        if "prefer" in request.headers or "idempotency-key" in request.headers:
            found = await runs.prepare(
                principal, name, body.version, body.inputs, kept_for=body.inputs_version, request=_id(request)
            )
            named = Named(name, found.release.version, found.inputs)
            told = await submissions.take_named(principal, named, dict(request.scope["headers"]), form)
            more = {key.decode(): value.decode() for key, value in told.headers}
            headers = {**dict(version_headers(found.release)), **more}
            return Response(told.body, told.status, headers, media_type="application/json")
        ran = await runs.execute(
            principal, name, body.version, body.inputs, kept_for=body.inputs_version, request=_id(request)
        )
        headers = dict(version_headers(ran.resolved.release))
        return Response(_ENCODE(_told(ran, form)), headers=headers, media_type="application/json")


def _told(ran: NamedOutcome, form: Format) -> dict[str, Any]:
    """Return the answer; where results are not what the version promised, it says so beside them."""
    body = answer(ran.outcome, form)
    return {**body, "output_issues": ran.unpromised} if ran.unpromised else body


async def _read(body: Body[Any], request: Request) -> Any:  # noqa: ANN401 - what the body holds
    given = await request.body()
    return body.read(given or b"{}", request.headers.get("content-type", "") if given else "")


def _id(request: Request) -> str:
    identity: str = request.scope.get("muelle.request", "")
    return identity


def _json(shape: msgspec.Struct, status: int = 200, headers: Any = None) -> Response:  # noqa: ANN401 - a mapping of headers
    return Response(_ENCODE(shape), status, dict(headers or {}), media_type="application/json")
