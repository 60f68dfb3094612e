"""Users and their tokens, opened when a door or a command first asks for them: most commands do without."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from muelle.core import Clock
from muelle.identity.audit import AuditTrail
from muelle.identity.service import Identity
from muelle.identity.settings import IdentitySettings
from muelle.stores import Database, Vault

if TYPE_CHECKING:
    from muelle.identity.federation.opening import FederationDoors
    from muelle.identity.tokens.opening import TokenDoors
    from muelle.identity.users.mail import Mail
    from muelle.identity.users.opening import UserDoors


class Kept(Protocol):
    """What lasts, of which users need a part."""

    @property
    def database(self) -> Database:
        """Where their tables are."""
        ...

    @property
    def vault(self) -> Vault:
        """Where their secrets are."""
        ...

    @property
    def trail(self) -> AuditTrail:
        """Where it is written down what they do."""
        ...


@dataclass(frozen=True, kw_only=True)
class People:
    """What users stand on; without a `home` their mails are kept in memory."""

    stores: Kept
    identity: Identity
    clock: Clock
    settings: IdentitySettings
    home: Path | None

    @cached_property
    def tokens(self) -> "TokenDoors":
        """Access tokens, the keys that sign them, sessions."""
        from muelle.identity.tokens.opening import TokenParts, open_tokens  # noqa: PLC0415 - loads in 60 ms

        parts = TokenParts(
            database=self.stores.database,
            vault=self.stores.vault,
            identity=self.identity,
            trail=self.stores.trail,
            clock=self.clock,
            settings=self.settings.tokens,
        )
        return open_tokens(parts)

    @cached_property
    def users(self) -> "UserDoors":
        """The verbs on users, and what runs beside the server."""
        from muelle.identity.users.opening import UsersParts, open_users  # noqa: PLC0415 - loads in 30 ms

        parts = UsersParts(
            database=self.stores.database,
            vault=self.stores.vault,
            identity=self.identity,
            tokens=self.tokens,
            trail=self.stores.trail,
            mail=self.mail,
            clock=self.clock,
            settings=self.settings.users,
            issuer=self.settings.tokens.issuer,
        )
        return open_users(parts)

    @cached_property
    def federation(self) -> "FederationDoors":
        """Providers of identities, and what reads all tokens, theirs and ours."""
        from muelle.identity.federation.adapters.http import HttpFetch  # noqa: PLC0415 - aiohttp loads in 300 ms
        from muelle.identity.federation.opening import FederationParts, open_federation  # noqa: PLC0415 - as above

        parts = FederationParts(
            providers=self.settings.providers,
            database=self.stores.database,
            identity=self.identity,
            tokens=self.tokens,
            own_issuer=self.settings.tokens.issuer,
            fetch=HttpFetch(),
            clock=self.clock,
        )
        return open_federation(parts)

    @cached_property
    def mail(self) -> "Mail":
        """What sends mails: a server, else files, else nothing that lasts."""
        from muelle.identity.users.adapters.outbox import FOLDER, MemoryMail, OutboxMail  # noqa: PLC0415 - as above
        from muelle.identity.users.adapters.smtp import SmtpMail  # noqa: PLC0415 - as above

        if self.settings.users.mail.host:
            return SmtpMail(self.settings.users.mail)
        return MemoryMail() if self.home is None else OutboxMail(self.home / FOLDER, self.settings.users.mail.sender)
