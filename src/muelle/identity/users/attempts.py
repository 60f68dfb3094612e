"""Waiting after wrong attempts: longer after each, for the account and for the address that they come from.

An attempt is counted before it is looked at and taken back if it was right, so that many at once get no more guesses
than one after the other. An account that there is not waits as one that there is: both are only a name here.
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from math import ceil

from muelle.core import Clock
from muelle.identity.users.errors import TooManyAttempts
from muelle.identity.users.settings import UserSettings
from muelle.identity.users.store import AttemptStore

_MICROS = 1_000_000
_NETWORK_6 = 64  # bits: whoever has one address of IPv6 has all of such a network


@dataclass(frozen=True, slots=True)
class Wait:
    """How long to wait after so many failures."""

    free: int
    first: float
    longest: float
    forget: float

    def counted(self, failures: int, since_last: int) -> int:
        """Return the number of failures with one more; those long ago are forgotten."""
        return 1 if since_last > self.forget * _MICROS else failures + 1

    def micros(self, failures: int) -> int:
        """Return for how long nobody may try again, in microseconds."""
        beyond = failures - self.free
        if beyond < 0:
            return 0
        return int(min(self.first * 2.0 ** min(beyond, 60), self.longest) * _MICROS)


_MAILS = Wait(free=5, first=300.0, longest=3600.0, forget=86_400.0)  # five at once, then fewer and fewer


@dataclass(frozen=True, slots=True)
class Attempt:
    """Names of who tries: what they are kept as holds neither address in the clear."""

    account: str
    address: str


class Attempts:
    """Counts attempts, and lets nobody try too often."""

    def __init__(self, store: AttemptStore, clock: Clock, settings: UserSettings) -> None:
        self._store = store
        self._clock = clock
        spans = (settings.wait_seconds, settings.longest_wait_seconds, settings.forget_seconds)
        self._account = Wait(settings.failures, *spans)
        self._address = Wait(settings.address_failures, *spans)

    async def begin(self, tenant: str, email: str, address: str) -> Attempt:
        """Count an attempt; raise TooManyAttempts, alike whether there is such an account or not."""
        attempt = Attempt(_name("account", f"{tenant}\n{email}"), _name("address", _network(address)))
        bounds = ((attempt.account, self._account), (attempt.address, self._address))
        seconds = await self._store.note(bounds, self._clock.now())
        if seconds:
            raise TooManyAttempts(retry_after=ceil(seconds))
        return attempt

    async def succeed(self, attempt: Attempt) -> None:
        """Forget the account's failures, and this one of the address: its others were of somebody else's account."""
        await self._store.take_back([attempt.address])
        await self._store.clear(attempt.account)

    async def take_back(self, attempt: Attempt) -> None:
        """Count this attempt for nothing, and forget none of those before: only a part of what is asked for was shown.

        Else whoever has the password could try codes for ever, by showing the password alone in between.
        """
        await self._store.take_back([attempt.address, attempt.account])

    async def may_mail(self, email: str) -> bool:
        """Count a mail that somebody asks for; return whether it is sent, for nobody is to be flooded by others."""
        return not await self._store.note([(_name("mail", email), _MAILS)], self._clock.now())

    async def forgive(self, tenant: str, email: str) -> None:
        """Forget an account's failures: whoever has its mail has replaced the password."""
        await self._store.clear(_name("account", f"{tenant}\n{email}"))


def _name(kind: str, text: str) -> str:
    return f"{kind}/{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network((parsed, _NETWORK_6), strict=False))  # noqa: PLR2004 - IPv4
