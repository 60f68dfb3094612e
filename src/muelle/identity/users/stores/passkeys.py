"""Passkeys on a Database: what is kept of them opens nothing."""

from dataclasses import dataclass
from datetime import datetime

from muelle.core import PrincipalId
from muelle.identity.times import micros, moment
from muelle.identity.users.errors import PasskeyExists
from muelle.stores import Database, Row

_ALL = "id, principal, name, public, uses, created, used"
_ADD = f"INSERT INTO user_passkeys ({_ALL}) VALUES (?, ?, ?, ?, ?, ?, NULL) ON CONFLICT DO NOTHING"  # noqa: S608 - constants of this file
_FIND = f"SELECT {_ALL} FROM user_passkeys WHERE id = ?"  # noqa: S608 - as above
_OF = f"SELECT {_ALL} FROM user_passkeys WHERE principal = ? ORDER BY id"  # noqa: S608 - as above
_USE = "UPDATE user_passkeys SET uses = ?, used = ? WHERE id = ? AND uses = ?"
_REMOVE = "DELETE FROM user_passkeys WHERE principal = ? AND id = ?"
_LONGEST = 1400  # characters of an id: WebAuthn has 1023 bytes at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A key of somebody's device; `uses` is how often it was used, as the device counts, or 0 where it does not."""

    id: str
    principal: PrincipalId
    name: str
    public: bytes
    uses: int
    created: datetime
    used: datetime | None = None


class PasskeyStore:
    """Keeps passkeys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, passkey: Passkey) -> None:
        """Keep one; raise PasskeyExists."""
        row = (passkey.id, passkey.principal, passkey.name, passkey.public, passkey.uses, micros(passkey.created))
        async with self._database.transaction() as transaction:
            if not await transaction.execute(_ADD, *row):
                raise PasskeyExists

    async def find(self, passkey: str) -> Passkey | None:
        """Return one, or None."""
        if len(passkey) > _LONGEST or not passkey.isascii() or not passkey.isprintable():
            return None
        rows = await self._database.fetch(_FIND, passkey)
        return _passkey(rows[0]) if rows else None

    async def of(self, principal: PrincipalId) -> list[Passkey]:
        """Return somebody's."""
        return [_passkey(row) for row in await self._database.fetch(_OF, principal)]

    async def use(self, passkey: Passkey, uses: int, at: datetime) -> bool:
        """Note a use; return False if one was noted since it was read."""
        async with self._database.transaction() as transaction:
            return await transaction.execute(_USE, uses, micros(at), passkey.id, passkey.uses) > 0

    async def remove(self, principal: PrincipalId, passkey: str) -> bool:
        """Forget one of somebody's; return whether there was such a one."""
        async with self._database.transaction() as transaction:
            return await transaction.execute(_REMOVE, principal, passkey) > 0


def _passkey(row: Row) -> Passkey:
    return Passkey(
        id=row[0],
        principal=PrincipalId(row[1]),
        name=row[2],
        public=bytes(row[3]),
        uses=int(row[4]),
        created=moment(row[5]),
        used=None if row[6] is None else moment(row[6]),
    )
