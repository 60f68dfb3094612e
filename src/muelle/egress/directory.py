"""Which Api a URL belongs to, remembered for each tenant."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from muelle.core import Clock, TenantId
from muelle.egress.errors import InvalidUrl
from muelle.egress.model import Api, ApiId, checked_base
from muelle.egress.store import Register
from muelle.egress.target import Target, normal_path

_Template = tuple[tuple[str, str] | str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """An Api with what is needed to match calls: the path of its base URL and its endpoints by method."""

    api: Api
    base: Target
    prefix: str
    templates: dict[str, list[_Template]]

    @classmethod
    def of(cls, api: Api) -> "Listing":
        """Prepare an Api that is valid."""
        base = checked_base(api.base_url)
        templates: dict[str, list[_Template]] = {}
        for endpoint in api.endpoints:
            templates.setdefault(endpoint.method, []).append(_template(endpoint.path))
        return cls(api, base, base.path.rstrip("/"), templates)

    def holds(self, path: str) -> bool:
        """Tell whether a path is the base URL's or below it."""
        return path == self.prefix or path.startswith(f"{self.prefix}/")

    def relative(self, target: Target) -> str:
        """Return the path as it stands in grants and endpoints."""
        return target.path[len(self.prefix) :] or "/"

    def lists(self, method: str, target: Target) -> bool:
        """Tell whether an endpoint covers the call; a parameter stands for what no server reads as two segments."""
        if target.reading.count("/") != target.path.count("/"):
            return False
        segments = self.relative(target).split("/")
        return any(_fits(template, segments) for template in self.templates.get(method, ()))


def _template(path: str) -> _Template:
    return tuple(_segment(segment) for segment in path.split("/"))


def _segment(text: str) -> tuple[str, str] | str:
    before, opened, rest = text.partition("{")
    _, closed, after = rest.partition("}")
    if opened and closed:
        return before, after
    return normal_path(f"/{text}")[0][1:]


def _fits(template: _Template, segments: list[str]) -> bool:
    if len(template) != len(segments):
        return False
    return all(_fits_segment(part, segment) for part, segment in zip(template, segments, strict=True))


def _fits_segment(part: tuple[str, str] | str, segment: str) -> bool:
    if isinstance(part, str):
        return part == segment
    before, after = part
    return len(segment) > len(before) + len(after) and segment.startswith(before) and segment.endswith(after)


class Listings:
    """The Apis of a tenant, found by URL: the same origin and the longest base path, on whole segments."""

    __slots__ = ("_by_id", "_by_origin")

    def __init__(self, apis: Iterable[Api]) -> None:
        self._by_id: dict[ApiId, Listing] = {}
        self._by_origin: dict[tuple[str, str, int], list[Listing]] = {}
        for api in sorted(apis, key=lambda api: api.id):
            listing = self._by_id[api.id] = Listing.of(api)
            self._by_origin.setdefault(listing.base.origin, []).append(listing)
        for listings in self._by_origin.values():
            listings.sort(key=lambda listing: len(listing.prefix), reverse=True)

    def each(self) -> Iterable[Listing]:
        """Return all in the order of ids."""
        return self._by_id.values()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._by_id)

    def get(self, api: ApiId) -> Listing | None:
        """Return the Api of that id, or None."""
        return self._by_id.get(api)

    def owner(self, target: Target) -> Listing | None:
        """Return the Api that the URL belongs to; raise InvalidUrl if a lenient server would see another's."""
        listings = self._by_origin.get(target.origin)
        if listings is None:
            return None
        owner = _first(listings, target.path)
        if target.reading is not target.path and _first(listings, target.reading) is not owner:
            raise InvalidUrl(field="url", reason="escaped slashes or parameters that hide which Api is called")
        return owner


def _first(listings: list[Listing], path: str) -> Listing | None:
    return next((listing for listing in listings if listing.holds(path)), None)


class Directory:
    """Remembers Listings for `seconds`; what this process changes holds at once."""

    def __init__(self, apis: Register[Api], clock: Clock, seconds: float, tenants: int) -> None:
        self._apis = apis
        self._clock = clock
        self._seconds = seconds
        self._tenants = tenants
        self._known: OrderedDict[TenantId, tuple[float, Listings]] = OrderedDict()
        self._changes = 0

    async def listings(self, tenant: TenantId) -> Listings:
        """Return the tenant's Apis."""
        known = self._known.get(tenant)
        now = self._clock.monotonic()
        if known and now - known[0] < self._seconds:
            return known[1]
        changes = self._changes
        listings = Listings(await self._apis.all(tenant))
        if changes == self._changes:  # else it may have been read before the change: do not remember it
            self._remember(tenant, now, listings)
        return listings

    def _remember(self, tenant: TenantId, now: float, listings: Listings) -> None:
        self._known[tenant] = (now, listings)
        self._known.move_to_end(tenant)
        while len(self._known) > self._tenants:
            self._known.popitem(last=False)

    def forget(self, tenant: TenantId) -> None:
        """Read the tenant's Apis again at the next call."""
        self._changes += 1
        self._known.pop(tenant, None)
