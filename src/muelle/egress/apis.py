"""The verbs on Apis."""

from dataclasses import fields
from typing import NoReturn

from muelle.egress.directory import Directory, Listings
from muelle.egress.errors import ApiExists, ApiNotFound, InvalidApi, TooManyApis
from muelle.egress.model import Api, ApiDraft, ApiId, Credential, checked_api, checked_base
from muelle.egress.policy import bound
from muelle.egress.registry import Registry, Request, page_of
from muelle.egress.settings import EgressSettings
from muelle.egress.store import Register
from muelle.egress.target import Target
from muelle.identity import Page, Principal, matches
from muelle.resilience import Policy


class Apis:
    """Registers, lists and removes Apis; `apis:manage` on the id, and whoever may call an Api may see it."""

    def __init__(
        self,
        registry: Registry[Api],
        credentials: Register[Credential],
        directory: Directory,
        settings: EgressSettings,
        policy: Policy,
    ) -> None:
        self._registry = registry
        self._credentials = credentials
        self._directory = directory
        self._settings = settings
        self._policy = policy

    async def register(self, actor: Principal, draft: ApiDraft) -> Api:
        """Keep a new Api; raise Refused, InvalidApi, InvalidPolicy, ApiExists or TooManyApis."""
        request = Request(actor, "apis.register", draft.id)
        await self._registry.permit(request, "apis:manage")
        listings = await self._fresh(actor)
        if listings.get(draft.id):
            raise ApiExists(api=draft.id)
        if len(listings) >= (most := actor.most("max_apis", self._settings.max_apis)):
            raise TooManyApis(limit=most)
        api = await self._checked(request, draft, listings, None)
        try:
            await self._registry.add(request, api)
        finally:
            self._directory.forget(actor.tenant)
        return api

    async def permit_import(self, actor: Principal, api: ApiId) -> None:
        """Raise Refused for who may not manage an Api, before a document of theirs costs anything."""
        await self._registry.permit(Request(actor, "apis.import", api), "apis:manage")

    async def update(self, actor: Principal, draft: ApiDraft) -> Api:
        """Replace all of an Api but its id; raise Refused, ApiNotFound, InvalidApi or InvalidPolicy."""
        request = Request(actor, "apis.update", draft.id)
        await self._registry.permit(request, "apis:manage")
        listings = await self._fresh(actor)
        present = listings.get(draft.id) or _missing(draft.id)
        api = await self._checked(request, draft, listings, present.api)
        try:
            await self._registry.replace(request, api)
        finally:
            self._directory.forget(actor.tenant)
        return api

    async def remove(self, actor: Principal, api: ApiId) -> None:
        """Remove an Api; raise Refused or ApiNotFound."""
        request = Request(actor, "apis.remove", api)
        await self._registry.permit(request, "apis:manage")
        if not (await self._fresh(actor)).get(api):
            _missing(api)
        try:
            await self._registry.remove(request)
        finally:
            self._directory.forget(actor.tenant)

    async def show(self, actor: Principal, api: ApiId) -> Api:
        """Return an Api that the actor manages or may call; raise ApiNotFound."""
        listing = (await self._fresh(actor)).get(api)
        if listing is None or not is_visible(actor, api):
            _missing(api)
        return listing.api

    async def list(self, actor: Principal, limit: int = 50, cursor: str | None = None) -> Page[Api]:
        """Return the Apis that the actor manages or may call, in the order of their ids; raise InvalidLimit."""
        visible = [each.api for each in (await self._fresh(actor)).each() if is_visible(actor, each.api.id)]
        return page_of(visible, limit, cursor)

    async def _fresh(self, actor: Principal) -> Listings:
        self._directory.forget(actor.tenant)  # another process may have changed them; administration must not guess
        return await self._directory.listings(actor.tenant)

    async def _checked(self, request: Request, draft: ApiDraft, listings: Listings, present: Api | None) -> Api:
        checked_api(draft, self._settings.max_timeout_seconds, self._settings.max_answer_bytes)
        if draft.policy is not None:
            self._policy.changed(draft.policy)  # raises InvalidPolicy
        base = checked_base(draft.base_url)
        owner = listings.owner(base)
        if owner and owner.api.id != draft.id and owner.prefix == base.path.rstrip("/"):
            raise ApiExists(api=owner.api.id, field="base_url")
        url = base.url.rstrip("/")
        if present is None or present.base_url != url:
            await self._permit_credentials(request)
        await self._checked_placement(request, draft, base)
        now = self._registry.now()
        given = {field.name: getattr(draft, field.name) for field in fields(ApiDraft)}
        created = present.created if present else now
        return Api(**{**given, "base_url": url}, tenant=request.actor.tenant, created=created, updated=now)

    async def _permit_credentials(self, request: Request) -> None:
        """Let nobody lead credentials elsewhere who may not manage them: where an Api points, they go."""
        for credential in await self._credentials.all(request.actor.tenant):
            if request.resource in credential.apis:
                await self._registry.permit(request, "credentials:manage", credential.id)

    async def _checked_placement(self, request: Request, draft: ApiDraft, base: Target) -> None:
        if draft.credential is None:
            return
        wanted = draft.credential.credential
        credential = await self._credentials.find(request.actor.tenant, wanted)
        if credential is None or not (draft.id in credential.apis or bound(credential, base, None)):
            raise InvalidApi(field="credential/credential", value=wanted, reason="no credential bound to this Api")


def is_visible(principal: Principal, api: ApiId) -> bool:
    """Tell whether a principal manages an Api or may call some of it."""
    if principal.may("apis:manage", api) or principal.may("apis:call", api):
        return True
    patterns = (rule.pattern for rule in principal.rules if rule.scope in {"apis:call", "*"})
    return any(matches(pattern.split(" ", 1)[0], api) for pattern in patterns)


def _missing(api: str) -> NoReturn:
    raise ApiNotFound(api=api[:100])
