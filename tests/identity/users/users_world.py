"""Processes on one database that share users, sessions and keys, with a clock that is moved by hand."""

from dataclasses import dataclass

from muelle.core import ManualClock, PrincipalId
from muelle.identity import AgentDraft, Identity, Principal, SqlAuditTrail, SqlIdentityStore
from muelle.identity.tokens.model import Origin, Tokens
from muelle.identity.tokens.opening import TokenDoors, TokenParts, open_tokens
from muelle.identity.tokens.settings import TokenSettings
from muelle.stores import Database, MemoryVault

QUICK = TokenSettings(algorithm="EdDSA")  # its keys are made at once
PHONE = Origin(method="password", address="192.0.2.1", client="phone")


@dataclass
class Process:
    """One process of an installation."""

    identity: Identity
    tokens: TokenDoors
    clock: ManualClock

    async def acting(self, tokens: Tokens) -> Principal:
        """Return whose tokens they are, as the door asks."""
        token = tokens.access.reveal()
        return self.identity.recall(token) or await self.identity.authenticate(token)

    async def who(self, tokens: Tokens) -> PrincipalId:
        """Return the id of whose tokens they are."""
        return (await self.acting(tokens)).id

    async def a_second_later(self) -> None:
        """Let a second pass, in which the watch of this process looks."""
        self.clock.forward(seconds=1)
        await self.identity.refresh()


@dataclass
class Installation:
    """A database and a vault, with a first process."""

    database: Database
    vault: MemoryVault
    clock: ManualClock
    owner: Principal
    first: Process

    def process(self, settings: TokenSettings = QUICK) -> Process:
        """Start one more process."""
        return start(self.database, self.vault, self.clock, settings)

    async def person(self, name: str = "ana") -> Principal:
        """Add a user who can read runs."""
        agents = self.first.identity.agents
        agent = await agents.add(self.owner, AgentDraft(name, kind="user", preset="reader"))
        return await self.first.identity.principal(agent.tenant, agent.id)

    async def signed_in(self, name: str = "ana") -> tuple[Principal, Tokens]:
        """Add a user and begin a session."""
        person = await self.person(name)
        return person, await self.first.tokens.sessions.begin(person, PHONE)


def start(database: Database, vault: MemoryVault, clock: ManualClock, settings: TokenSettings = QUICK) -> Process:
    trail = SqlAuditTrail(database)
    identity = Identity(SqlIdentityStore(database), trail, clock)
    parts = TokenParts(database=database, vault=vault, identity=identity, trail=trail, clock=clock, settings=settings)
    tokens = open_tokens(parts)
    identity.accept(tokens.bearers)
    return Process(identity, tokens, clock)


async def install(database: Database, settings: TokenSettings = QUICK) -> Installation:
    vault, clock = MemoryVault(), ManualClock()
    first = start(database, vault, clock, settings)
    key = await first.identity.ensure_owner()
    assert key is not None
    return Installation(database, vault, clock, await first.identity.authenticate(key), first)
