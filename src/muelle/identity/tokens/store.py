"""Keys of tokens and sessions on a Database."""

from datetime import datetime

import msgspec

from muelle.core import PrincipalId, TenantId
from muelle.identity.times import micros, moment
from muelle.identity.tokens.model import Origin, Session, TokenKey
from muelle.stores import Database, Row, Transaction

_ADD_KEY = (
    "INSERT INTO token_keys (id, algorithm, public, created, signs_from, verifies_until) VALUES (?, ?, ?, ?, ?, ?)"
)
_KEYS = (
    "SELECT id, algorithm, public, created, signs_from, verifies_until FROM token_keys"
    " WHERE verifies_until IS NULL OR verifies_until > ? ORDER BY signs_from, id"
)
_END_KEYS = "UPDATE token_keys SET verifies_until = ? WHERE id <> ? AND (verifies_until IS NULL OR verifies_until > ?)"
_ANY_KEY = "SELECT 1 FROM token_keys WHERE verifies_until IS NULL LIMIT 1"
_DROP_KEYS = "DELETE FROM token_keys WHERE verifies_until <= ?"

_SESSION = "id, tenant, principal, method, address, client, created, used, expires, revoked, reason"
_ADD_SESSION = f"INSERT INTO user_sessions ({_SESSION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, '')"  # noqa: S608 - constants of this file
_FIND_SESSION = f"SELECT {_SESSION} FROM user_sessions WHERE id = ?"  # noqa: S608 - as above
_OPEN_SESSIONS = (
    f"SELECT {_SESSION} FROM user_sessions"  # noqa: S608 - as above
    " WHERE tenant = ? AND principal = ? AND revoked IS NULL AND expires > ? ORDER BY id DESC"
)
_USE_SESSION = "UPDATE user_sessions SET used = ?, expires = ?, address = ? WHERE id = ? AND revoked IS NULL"
_REVOKE_SESSION = "UPDATE user_sessions SET revoked = ?, reason = ? WHERE id = ? AND revoked IS NULL"
_REVOKE_ALL = (
    "UPDATE user_sessions SET revoked = ?, reason = ?"
    " WHERE tenant = ? AND principal = ? AND id <> ? AND revoked IS NULL AND expires > ?"
)
_ADD_REFRESH = "INSERT INTO user_refresh_tokens (digest, session, created, used) VALUES (?, ?, ?, NULL)"
_FIND_REFRESH = "SELECT session, used FROM user_refresh_tokens WHERE digest = ?"
_USE_REFRESH = "UPDATE user_refresh_tokens SET used = ? WHERE digest = ? AND used IS NULL"
_DROP_REFRESH = (
    "DELETE FROM user_refresh_tokens WHERE session IN (SELECT id FROM user_sessions WHERE expires <= ? OR revoked <= ?)"
)
_DROP_SESSIONS = "DELETE FROM user_sessions WHERE expires <= ? OR revoked <= ?"
# In the transaction that ends a session, so that no crash can come between: other processes look for it.
_MOVE_EPOCH = "UPDATE identity_epoch SET epoch = epoch + 1"


class TokenKeys:
    """The public halves of keys; the private ones are in the vault."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, now: datetime) -> list[TokenKey]:
        """Return all that sign or verify now or later, in the order in which they sign."""
        return [_key(row) for row in await self._database.fetch(_KEYS, micros(now))]

    async def add_first(self, key: TokenKey) -> bool:
        """Keep a key if there is none that goes on; return whether it was kept."""
        async with self._database.transaction() as transaction:
            if await transaction.fetch(_ANY_KEY):
                return False
            await _add_key(transaction, key)
        return True

    async def replace(self, key: TokenKey, end: datetime) -> None:
        """Keep a key; all others verify until `end` at most."""
        async with self._database.transaction() as transaction:
            await _add_key(transaction, key)
            await transaction.execute(_END_KEYS, micros(end), key.id, micros(end))
            await transaction.execute(_MOVE_EPOCH)

    async def drop(self, before: datetime) -> None:
        """Forget those that verified until then."""
        async with self._database.transaction() as transaction:
            await transaction.execute(_DROP_KEYS, micros(before))


class SessionStore:
    """Sessions and their refresh tokens, of which only SHA-256 is kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, session: Session, digest: str) -> None:
        """Keep a new session with its first refresh token."""
        origin, at = session.origin, micros(session.created)
        row = (session.id, session.tenant, session.principal, origin.method, origin.address, origin.client)
        async with self._database.transaction() as transaction:
            await transaction.execute(_ADD_SESSION, *row, at, at, micros(session.expires))
            await transaction.execute(_ADD_REFRESH, digest, session.id, at)

    async def find(self, session: str) -> Session | None:
        """Return a session, open or not, or None."""
        rows = await self._database.fetch(_FIND_SESSION, session)
        return _session(rows[0]) if rows else None

    async def open_of(self, tenant: TenantId, principal: PrincipalId, now: datetime) -> list[Session]:
        """Return somebody's open sessions, newest first."""
        rows = await self._database.fetch(_OPEN_SESSIONS, tenant, principal, micros(now))
        return [_session(row) for row in rows]

    async def session_of(self, digest: str) -> Session | None:
        """Return the session that a refresh token is of, or None."""
        rows = await self._database.fetch(_FIND_REFRESH, digest)
        return await self.find(rows[0][0]) if rows else None

    async def rotate(self, old: str, new: str, session: Session) -> bool:
        """Put a new refresh token in the place of one that was not used yet; return False if it was.

        One that was used comes from a thief, or from whom the thief was faster than: the session is ended.
        """
        at = micros(session.used)
        async with self._database.transaction() as transaction:
            if not await transaction.execute(_USE_REFRESH, at, old):
                await transaction.execute(_REVOKE_SESSION, at, "reused", session.id)
                await transaction.execute(_MOVE_EPOCH)
                return False
            await transaction.execute(_ADD_REFRESH, new, session.id, at)
            place = (micros(session.expires), session.origin.address, session.id)
            return await transaction.execute(_USE_SESSION, at, *place) > 0

    async def revoke(self, session: str, at: datetime, reason: str) -> bool:
        """End a session; return whether it was open."""
        async with self._database.transaction() as transaction:
            await transaction.execute(_MOVE_EPOCH)
            return await transaction.execute(_REVOKE_SESSION, micros(at), reason, session) > 0

    async def revoke_all(self, whose: tuple[TenantId, PrincipalId], at: datetime, reason: str, spare: str) -> int:
        """End all sessions of somebody but one; return how many were open."""
        async with self._database.transaction() as transaction:
            await transaction.execute(_MOVE_EPOCH)
            return await transaction.execute(_REVOKE_ALL, micros(at), reason, *whose, spare, micros(at))

    async def drop(self, before: datetime) -> None:
        """Forget those that ended before then."""
        at = micros(before)
        async with self._database.transaction() as transaction:
            await transaction.execute(_DROP_REFRESH, at, at)
            await transaction.execute(_DROP_SESSIONS, at, at)


async def _add_key(transaction: Transaction, key: TokenKey) -> None:
    until = None if key.verifies_until is None else micros(key.verifies_until)
    public = msgspec.json.encode(key.public).decode()
    await transaction.execute(
        _ADD_KEY, key.id, key.algorithm, public, micros(key.created), micros(key.signs_from), until
    )


def _key(row: Row) -> TokenKey:
    return TokenKey(
        id=row[0],
        algorithm=row[1],
        public=msgspec.json.decode(row[2]),
        created=moment(row[3]),
        signs_from=moment(row[4]),
        verifies_until=None if row[5] is None else moment(row[5]),
    )


def _session(row: Row) -> Session:
    return Session(
        id=row[0],
        tenant=TenantId(row[1]),
        principal=PrincipalId(row[2]),
        origin=Origin(method=row[3], address=row[4], client=row[5]),
        created=moment(row[6]),
        used=moment(row[7]),
        expires=moment(row[8]),
        revoked=None if row[9] is None else moment(row[9]),
        reason=row[10],
    )
