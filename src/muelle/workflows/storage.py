"""What StoreData keeps and LoadData finds: spaces of the tenant, of the agent, and of the run."""

from collections.abc import Callable, Mapping

import msgspec

from muelle.core import RunId
from muelle.identity import Principal
from muelle.packs import Space
from muelle.stores import Blobs, KeyValues

SESSION = "session/"
_PACK = msgspec.msgpack.Encoder().encode
_UNPACK = msgspec.msgpack.Decoder(tuple[bytes, str]).decode
_FOLDER = "stored"  # beside it the tenant's blobs may hold what other rooms keep


class RunStorage:
    """The storage that one run sees. Each access needs a grant of `storage:read` or `storage:write` on 'space/key'.

    `file` and `database` are the tenant's and last; `localStorage` and `indexedDB` are the agent's own and last;
    `sessionStorage` ends with the run, which remembers it: `keep` notes a value by name, `kept` has what was noted.
    """

    __slots__ = ("_blobs", "_keep", "_principal", "_run", "_session", "_values")

    def __init__(
        self,
        principal: Principal,
        run: RunId,
        blobs: Blobs,
        values: KeyValues,
        keep: Callable[[str, bytes], None],
        kept: Mapping[str, bytes],
    ) -> None:
        self._principal = principal
        self._run = run
        self._blobs = blobs
        self._values = values
        self._keep = keep
        self._session: dict[str, tuple[bytes, str]] = {
            name.removeprefix(SESSION): _UNPACK(value) for name, value in kept.items() if name.startswith(SESSION)
        }

    async def put(self, space: Space, key: str, value: bytes, content_type: str) -> None:
        """Keep `value`; raise Refused without the grant."""
        self._principal.require("storage:write", f"{space}/{key}")
        tenant = self._principal.tenant
        match space:
            case "sessionStorage":
                self._session[key] = (value, content_type)
                self._keep(f"{SESSION}{key}", _PACK((value, content_type)))
            case "file":
                await self._blobs.put(tenant, f"{_FOLDER}/{key}", value, content_type)
            case _:
                await self._values.put(tenant, self._table(space), key, value, content_type)

    async def get(self, space: Space, key: str) -> tuple[bytes, str] | None:
        """Return value and content type, or None; raise Refused without the grant."""
        self._principal.require("storage:read", f"{space}/{key}")
        tenant = self._principal.tenant
        match space:
            case "sessionStorage":
                return self._session.get(key)
            case "file":
                return await self._blobs.get(tenant, f"{_FOLDER}/{key}")
            case _:
                return await self._values.get(tenant, self._table(space), key)

    def _table(self, space: Space) -> str:
        return space if space == "database" else f"{space}.{self._principal.id}"
