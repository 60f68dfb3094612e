"""Second factors: a code that changes with time, and recovery codes; no code opens twice."""

from base64 import b64decode, b64encode
from dataclasses import dataclass

from muelle.core import Clock, Secret
from muelle.identity.tokens.sessions import digest_of
from muelle.identity.users.errors import CodeRequired, SecondFactorMissing, SecondFactorThere, WrongCode
from muelle.identity.users.model import User
from muelle.identity.users.store import UserStore
from muelle.identity.users.totp import cleaned_recovery, matching_step, new_recovery_code, new_secret, uri, written
from muelle.stores import Vault

RECOVERY_CODES = 10
_SECOND = 1_000_000_000  # nanoseconds
_PENDING, _ACTIVE = "pending", "active"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator is to be given: as a text to type, and as a URI for a QR code."""

    secret: Secret
    uri: Secret


class SecondFactors:
    """Begins, confirms, asks for and removes second factors; their secrets are in the vault."""

    def __init__(self, store: UserStore, vault: Vault, clock: Clock, issuer: str) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._issuer = issuer

    async def begin(self, user: User) -> Enrolment:
        """Return a new secret, which is asked for once it is confirmed; raise SecondFactorThere."""
        if user.second_factor is not None:
            raise SecondFactorThere
        secret = new_secret()
        await self._vault.put(user.tenant, _name(user, _PENDING), b64encode(secret).decode())
        return Enrolment(Secret(written(secret)), Secret(uri(secret, user.email, self._issuer)))

    async def confirm(self, user: User, code: str) -> list[Secret]:
        """Ask for codes from now on, and return the recovery codes; raise SecondFactorMissing, WrongCode."""
        kept = await self._vault.get(user.tenant, _name(user, _PENDING))
        if user.second_factor is not None or kept is None:
            raise SecondFactorMissing
        step = matching_step(b64decode(kept), code, self._seconds(), 0)
        if step is None:
            raise WrongCode
        codes = [new_recovery_code() for _ in range(RECOVERY_CODES)]
        digests = [digest_of(cleaned_recovery(each)) for each in codes]
        await self._vault.put(user.tenant, _name(user, _ACTIVE), kept)
        await self._store.set_factor(user.principal, self._clock.now(), step, digests)
        await self._vault.delete(user.tenant, _name(user, _PENDING))
        return [Secret(each) for each in codes]

    async def check(self, user: User, code: str) -> None:
        """Take a code or a recovery code of who has a second factor; raise CodeRequired, WrongCode."""
        if user.second_factor is None:
            return
        if not code:
            raise CodeRequired
        if not await self._is_right(user, code) and not await self._is_recovery(user, code):
            raise WrongCode

    async def remove(self, user: User) -> None:
        """Ask for no codes any more."""
        await self._store.set_factor(user.principal, None, user.second_step, ())
        await self._vault.delete(user.tenant, _name(user, _ACTIVE))

    async def _is_right(self, user: User, code: str) -> bool:
        kept = await self._vault.get(user.tenant, _name(user, _ACTIVE))
        if kept is None:
            return False
        step = matching_step(b64decode(kept), code.strip().replace(" ", ""), self._seconds(), user.second_step)
        return step is not None and await self._store.use_step(user.principal, step)

    async def _is_recovery(self, user: User, code: str) -> bool:
        return await self._store.use_recovery(user.principal, digest_of(cleaned_recovery(code)))

    def _seconds(self) -> int:
        return self._clock.nanoseconds() // _SECOND


def _name(user: User, state: str) -> str:
    return f"second-factors/{user.principal}/{state}"
