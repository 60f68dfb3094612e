"""Which account of a provider is which user, on a Database."""

from datetime import datetime

from muelle.core import PrincipalId
from muelle.identity.federation.errors import LoginExists
from muelle.identity.times import micros
from muelle.identity.users.model import User
from muelle.stores import Database

_FIND = "SELECT principal FROM user_logins WHERE tenant = ? AND issuer = ? AND subject = ?"
_ADD = (
    "INSERT INTO user_logins (tenant, issuer, subject, principal, created) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)


class Logins:
    """Which account of a provider is which user."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, tenant: str, issuer: str, subject: str) -> PrincipalId | None:
        """Return the principal, or None."""
        if not subject.isprintable():
            return None
        rows = await self._database.fetch(_FIND, tenant, issuer, subject)
        return PrincipalId(rows[0][0]) if rows else None

    async def add(self, user: User, issuer: str, subject: str, at: datetime) -> None:
        """Keep one; raise LoginExists."""
        row = (user.tenant, issuer, subject, user.principal, micros(at))
        async with self._database.transaction() as transaction:
            if not await transaction.execute(_ADD, *row):
                raise LoginExists(subject=subject[:100])
