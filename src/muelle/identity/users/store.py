"""Users, tickets, attempts and mails on a Database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from muelle.core import PrincipalId, TenantId
from muelle.identity.times import micros, moment
from muelle.identity.users.errors import UserExists
from muelle.identity.users.model import Ticket, User
from muelle.stores import Database, Row

_USER = "principal, tenant, name, email, created, verified, password, second_factor, second_step"
_ADD_USER = f"INSERT INTO users ({_USER}) VALUES (?, ?, ?, ?, ?, ?, ?, NULL, 0) ON CONFLICT DO NOTHING"  # noqa: S608 - constants of this file
_FIND_USER = f"SELECT {_USER} FROM users WHERE"  # noqa: S608 - as above
_PAGE = f"SELECT {_USER} FROM users WHERE tenant = ? AND principal > ? ORDER BY principal LIMIT ?"  # noqa: S608 - as above
_SET_PASSWORD = "UPDATE users SET password = ? WHERE principal = ?"  # noqa: S105 - no password
_SET_VERIFIED = (
    "UPDATE users SET verified = ?, email = ? WHERE principal = ? AND NOT EXISTS"
    " (SELECT 1 FROM users other WHERE other.tenant = users.tenant AND other.email = ? AND other.principal <> ?)"
)
_SET_FACTOR = "UPDATE users SET second_factor = ?, second_step = ? WHERE principal = ?"
_USE_STEP = "UPDATE users SET second_step = ? WHERE principal = ? AND second_step < ?"
_DROP_CODES = "DELETE FROM user_recovery_codes WHERE principal = ?"
_ADD_CODE = "INSERT INTO user_recovery_codes (principal, digest) VALUES (?, ?)"
_USE_CODE = "DELETE FROM user_recovery_codes WHERE principal = ? AND digest = ?"

_TICKET = "kind, tenant, principal, email, content, expires"
_ADD_TICKET = f"INSERT INTO user_tickets (digest, {_TICKET}, used) VALUES (?, ?, ?, ?, ?, ?, ?, NULL)"  # noqa: S608 - as above
_VOID_TICKETS = (
    "UPDATE user_tickets SET used = ? WHERE tenant = ? AND principal = ? AND email = ? AND kind = ? AND used IS NULL"
)
_USE_TICKET = "UPDATE user_tickets SET used = ? WHERE digest = ? AND kind = ? AND used IS NULL AND expires > ?"
_FIND_TICKET = f"SELECT {_TICKET} FROM user_tickets WHERE digest = ? AND used IS NULL AND expires > ?"  # noqa: S608 - as above

_FIND_ATTEMPTS = "SELECT failures, last, locked_until FROM user_attempts WHERE name = ?"
_NOTE_ATTEMPT = (
    "INSERT INTO user_attempts (name, failures, last, locked_until) VALUES (?, ?, ?, ?) ON CONFLICT (name)"
    " DO UPDATE SET failures = excluded.failures, last = excluded.last, locked_until = excluded.locked_until"
)
_CLEAR_ATTEMPTS = "DELETE FROM user_attempts WHERE name = ?"
_ADD_LETTER = "INSERT INTO user_mails (id, due, attempts) VALUES (?, ?, 0)"
_DUE_LETTERS = "SELECT id, due, attempts FROM user_mails WHERE due <= ? ORDER BY due LIMIT 20"
_CLAIM_LETTER = "UPDATE user_mails SET due = ?, attempts = attempts + 1 WHERE id = ? AND due = ?"
_DROP_LETTER = "DELETE FROM user_mails WHERE id = ?"
_TAKE_BACK = "UPDATE user_attempts SET failures = failures - 1, locked_until = 0 WHERE name = ? AND failures > 0"


class Wait(Protocol):
    """How long to wait after so many failures."""

    def counted(self, failures: int, since_last: int) -> int:
        """Return the number of failures with one more, `since_last` microseconds after the last."""
        ...

    def micros(self, failures: int) -> int:
        """Return for how long nobody may try again, in microseconds."""
        ...


class UserStore:
    """People."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, user: User) -> None:
        """Keep a user; raise UserExists if the tenant has one of that address or name."""
        verified = None if user.verified is None else micros(user.verified)
        row = (user.principal, user.tenant, user.name, user.email, micros(user.created), verified, user.password)
        async with self._database.transaction() as transaction:
            if not await transaction.execute(_ADD_USER, *row):
                raise UserExists(email=user.email)

    async def by_email(self, tenant: str, email: str) -> User | None:
        """Return who has an address."""
        return await self._one("tenant = ? AND email = ?", tenant, email)

    async def by_name(self, tenant: str, name: str) -> User | None:
        """Return who has a name."""
        return await self._one("tenant = ? AND name = ?", tenant, name)

    async def by_principal(self, principal: str) -> User | None:
        """Return who a principal is."""
        return await self._one("principal = ?", principal)

    async def page(self, tenant: TenantId, after: str, limit: int) -> list[User]:
        """Return users of a tenant in the order of ids."""
        return [_user(row) for row in await self._database.fetch(_PAGE, tenant, after, limit)]

    async def set_password(self, principal: PrincipalId, password: str) -> None:
        """Replace the hash of a password."""
        async with self._database.transaction() as transaction:
            await transaction.execute(_SET_PASSWORD, password, principal)

    async def set_verified(self, principal: str, email: str, at: datetime) -> bool:
        """Let a user have an address that they confirmed; return whether it was free."""
        async with self._database.transaction() as transaction:
            parameters = (micros(at), email, principal, email, principal)
            return await transaction.execute(_SET_VERIFIED, *parameters) > 0

    async def set_factor(self, principal: PrincipalId, since: datetime | None, step: int, codes: Sequence[str]) -> None:
        """Ask for codes from now on, or for none; `codes` are digests that replace all recovery codes."""
        async with self._database.transaction() as transaction:
            await transaction.execute(_SET_FACTOR, None if since is None else micros(since), step, principal)
            await transaction.execute(_DROP_CODES, principal)
            for digest in codes:
                await transaction.execute(_ADD_CODE, principal, digest)

    async def use_step(self, principal: PrincipalId, step: int) -> bool:
        """Take the code of a step; return False if that or a later one was taken before."""
        async with self._database.transaction() as transaction:
            return await transaction.execute(_USE_STEP, step, principal, step) > 0

    async def use_recovery(self, principal: PrincipalId, digest: str) -> bool:
        """Take a recovery code, which is gone by that; return whether there was such a one."""
        async with self._database.transaction() as transaction:
            return await transaction.execute(_USE_CODE, principal, digest) > 0

    async def _one(self, condition: str, *parameters: str) -> User | None:
        if any("\0" in text or not text.isprintable() for text in parameters):
            return None  # no database keeps every character, and some fail when asked for one
        rows = await self._database.fetch(f"{_FIND_USER} {condition}", *parameters)
        return _user(rows[0]) if rows else None


class TicketStore:
    """Tickets, of which only SHA-256 is kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, digest: str, ticket: Ticket, now: datetime, *, is_sole: bool = True) -> None:
        """Keep a ticket; earlier ones for the same purpose are void, unless it need not be the sole one."""
        whose = (ticket.tenant, ticket.principal, ticket.email, ticket.kind)
        async with self._database.transaction() as transaction:
            if is_sole:
                await transaction.execute(_VOID_TICKETS, micros(now), *whose)
            await transaction.execute(
                _ADD_TICKET, digest, ticket.kind, ticket.tenant, ticket.principal, ticket.email, ticket.content,
                micros(ticket.expires),
            )  # fmt: skip

    async def find(self, digest: str, now: datetime) -> Ticket | None:
        """Return a ticket that can still be used."""
        rows = await self._database.fetch(_FIND_TICKET, digest, micros(now))
        return _ticket(rows[0]) if rows else None

    async def use(self, digest: str, kind: str, now: datetime) -> bool:
        """Use a ticket up; return False if that cannot be."""
        async with self._database.transaction() as transaction:
            return await transaction.execute(_USE_TICKET, micros(now), digest, kind, micros(now)) > 0


class AttemptStore:
    """How often somebody failed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, bounds: Sequence[tuple[str, Wait]], now: datetime) -> float:
        """Count one more for each name and return 0.0; or count nothing and return for how many seconds to wait."""
        at = micros(now)
        async with self._database.transaction() as transaction:
            known = []
            for name, _ in bounds:
                rows = await transaction.fetch(_FIND_ATTEMPTS, name)
                known.append(rows[0] if rows else (0, at, 0))
            locked = max(int(row[2]) for row in known)
            if locked > at:
                return (locked - at) / 1_000_000
            for (name, wait), (failures, last, _) in zip(bounds, known, strict=True):
                number = wait.counted(int(failures), at - int(last))
                await transaction.execute(_NOTE_ATTEMPT, name, number, at, at + wait.micros(number))
        return 0.0

    async def take_back(self, names: Sequence[str]) -> None:
        """Count one less for each name, as if the last attempt had not been."""
        async with self._database.transaction() as transaction:
            for name in names:
                await transaction.execute(_TAKE_BACK, name)

    async def clear(self, name: str) -> None:
        """Forget all failures of a name."""
        async with self._database.transaction() as transaction:
            await transaction.execute(_CLEAR_ATTEMPTS, name)


@dataclass(frozen=True, slots=True)
class DueLetter:
    """A letter that is to be tried, so often tried before; `due` is as the database has it."""

    id: str
    due: int
    attempts: int


class LetterStore:
    """Which letters wait; what is in them is in the vault."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, letter: str, due: datetime) -> None:
        """Keep one."""
        async with self._database.transaction() as transaction:
            await transaction.execute(_ADD_LETTER, letter, micros(due))

    async def due(self, now: datetime) -> list[DueLetter]:
        """Return some that are due, the longest waiting first."""
        rows = await self._database.fetch(_DUE_LETTERS, micros(now))
        return [DueLetter(row[0], int(row[1]), int(row[2])) for row in rows]

    async def claim(self, letter: DueLetter, until: datetime) -> bool:
        """Let nobody else try one for a while; return False if somebody else has done that."""
        async with self._database.transaction() as transaction:
            return await transaction.execute(_CLAIM_LETTER, micros(until), letter.id, letter.due) > 0

    async def drop(self, letter: str) -> None:
        """Forget one."""
        async with self._database.transaction() as transaction:
            await transaction.execute(_DROP_LETTER, letter)


class Sweeper:
    """Removes what has had its time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sweep(self, tickets_before: datetime, attempts_before: datetime) -> None:
        """Forget tickets and attempts that are older."""
        async with self._database.transaction() as transaction:
            await transaction.execute("DELETE FROM user_tickets WHERE expires <= ?", micros(tickets_before))
            await transaction.execute("DELETE FROM user_attempts WHERE last <= ?", micros(attempts_before))


def _user(row: Row) -> User:
    return User(
        principal=PrincipalId(row[0]),
        tenant=TenantId(row[1]),
        name=row[2],
        email=row[3],
        created=moment(row[4]),
        verified=None if row[5] is None else moment(row[5]),
        password=row[6],
        second_factor=None if row[7] is None else moment(row[7]),
        second_step=int(row[8]),
    )


def _ticket(row: Row) -> Ticket:
    return Ticket(
        kind=row[0], tenant=TenantId(row[1]), principal=row[2], email=row[3], content=row[4], expires=moment(row[5])
    )
