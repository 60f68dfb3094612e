"""An installation with people in it, whose mails are caught; hashing is made cheap, and time is moved by hand."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from identity.users.users_world import QUICK, Installation, Process, start
from muelle.identity.tokens.model import Origin, Tokens
from muelle.identity.users.adapters.outbox import MemoryMail
from muelle.identity.users.administration import UserDraft
from muelle.identity.users.mail import Mail
from muelle.identity.users.opening import UserDoors, UsersParts, open_users
from muelle.identity.users.settings import UserSettings
from muelle.identity.users.signing_in import Claim

CHEAP: dict[str, Any] = {"memory_kib": 8, "passes": 1}
OPEN = UserSettings(sign_up="open", **CHEAP)
PASSWORD = "correct horse battery"
ANA = "ana@example.com"
LAPTOP = Origin(method="password", address="192.0.2.9", client="laptop")
_TOKEN = re.compile(r"mt_[A-Za-z0-9_-]{43}")


@dataclass
class Town:
    """A process with users, and what was mailed."""

    place: Installation
    process: Process
    doors: UserDoors
    mail: MemoryMail = field(default_factory=MemoryMail)

    async def ana(self, **draft: Any) -> None:
        """Add a user with a password."""
        given = {"password": PASSWORD, "preset": "reader", **draft}
        await self.doors.users.add(self.place.owner, UserDraft("ana", ANA, **given))

    async def sign_in(
        self, password: str = PASSWORD, *, email: str = ANA, code: str = "", origin: Origin = LAPTOP
    ) -> Tokens:
        claim = Claim(tenant="default", email=email, password=password, code=code)
        return await self.doors.signing_in.sign_in(claim, origin)

    async def mailed(self) -> Sequence[tuple[str, str]]:
        """Deliver, and return to whom what tokens went since last time."""
        await self.doors.post.deliver()
        sent = [(letter.to, "".join(_TOKEN.findall(letter.text))) for letter in self.mail.sent]
        self.mail.sent.clear()
        return sent

    async def token_for(self, email: str = ANA) -> str:
        """Return the token of the one mail that went to somebody."""
        [(to, token)] = await self.mailed()
        assert to == email
        return token

    def another(self, settings: UserSettings = OPEN) -> "Town":
        """Start one more process, with settings of its own."""
        return town(self.place, settings)


def town(place: Installation, settings: UserSettings = OPEN, mail: Mail | None = None) -> Town:
    process = start(place.database, place.vault, place.clock, QUICK)
    caught = MemoryMail()
    parts = UsersParts(
        database=place.database,
        vault=place.vault,
        identity=process.identity,
        tokens=process.tokens,
        trail=process.identity.registry.trail,
        mail=mail or caught,
        clock=place.clock,
        settings=settings,
        issuer="muelle",
    )
    return Town(place, process, open_users(parts), caught)
