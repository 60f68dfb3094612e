"""A provider of identities that tests write themselves: it says what they want, and counts how often it is asked."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from identity.users.users_world import Installation, Process, start
from muelle.core import ManualClock, Secret
from muelle.identity.federation.errors import ProviderFailed
from muelle.identity.federation.opening import FederationDoors, FederationParts, open_federation
from muelle.identity.federation.service import Begun
from muelle.identity.federation.settings import ProviderSettings
from muelle.identity.tokens.algorithms import b64, new_private, public_jwk, signer
from muelle.identity.tokens.model import Origin, Tokens

ISSUER = "https://id.example.com/realms/dock"
BACK = "https://muelle.example.com/back"
SETTINGS = ProviderSettings(
    issuer=ISSUER,
    client_id="muelle",
    redirect=BACK,
    audience="muelle-api",
    sign_up=True,
    client_secret=Secret("s3cret"),
)
WEB = Origin(method="dock", address="192.0.2.1")
Said = dict[str, Any]


@dataclass
class FakeProvider:
    """The port Fetch, with a whole provider behind it."""

    clock: ManualClock
    algorithm: str = "ES256"
    issuer: str = ISSUER
    key_id: str = "one"
    is_away: bool = False
    asked: list[str] = field(default_factory=list)
    forms: list[Mapping[str, str]] = field(default_factory=list)
    grants: dict[str, Said] = field(default_factory=dict)
    private: str = ""
    extra_keys: list[Said] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.private = new_private(self.algorithm)

    @property
    def key(self) -> Said:
        return {**public_jwk(self.private), "kid": self.key_id, "alg": self.algorithm, "use": "sig"}

    async def get(self, url: str) -> bytes:
        await asyncio.sleep(0)
        self.asked.append(url)
        if self.is_away:
            raise ProviderFailed(url=url)
        if url.endswith("/.well-known/openid-configuration"):
            ends = {f"{name}_endpoint": f"{ISSUER}/{name}" for name in ("authorization", "token")}
            return msgspec.json.encode({"issuer": self.issuer, **ends, "jwks_uri": f"{ISSUER}/keys"})
        return msgspec.json.encode({"keys": [self.key, *self.extra_keys]})

    async def post(self, url: str, form: Mapping[str, str], user: str, password: Secret) -> bytes:
        self.asked.append(url)
        self.forms.append({**form, "user": user, "password": password.reveal()})
        if form["code"] not in self.grants:
            raise ProviderFailed(url=url, status=400)
        return msgspec.json.encode({"id_token": self.signed(self.grants.pop(form["code"])), "token_type": "Bearer"})

    def claims(self, **said: Any) -> Said:
        now = self.clock.nanoseconds() // 1_000_000_000
        return {"iss": ISSUER, "sub": "u-1", "aud": "muelle-api", "iat": now, "exp": now + 300, **said}

    def signed(self, claims: Said, **head: Any) -> str:
        said = {"alg": self.algorithm, "kid": self.key_id, "typ": "JWT", **head}
        text = b64(msgspec.json.encode(said)) + b"." + b64(msgspec.json.encode(claims))
        return (text + b"." + b64(signer(self.private)(text))).decode()

    def allow(self, url: str, **said: Any) -> str:
        """Let somebody sign in who was sent to a URL; return the code with which they come back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = f"code-{len(self.forms)}-{len(self.grants)}"
        self.grants[code] = self.claims(**{"aud": "muelle", "nonce": asked["nonce"], **said})
        return code


@dataclass
class Dock:
    """A process that knows the provider."""

    process: Process
    provider: FakeProvider
    doors: FederationDoors

    async def whole(self, **said: Any) -> Tokens:
        """Sign in from begin to end."""
        begun = await self.doors.federation.begin("dock")
        return await self.finish(begun, self.provider.allow(begun.url, **said))

    async def finish(self, begun: Begun, code: str, **given: str) -> Tokens:
        sent = {"state": begun.state, "secret": begun.secret.reveal(), **given}
        return await self.doors.federation.finish("dock", code, sent["state"], sent["secret"], WEB)


def dock(place: Installation, settings: ProviderSettings = SETTINGS, provider: FakeProvider | None = None) -> Dock:
    process = start(place.database, place.vault, place.clock)
    fake = provider or FakeProvider(place.clock)
    parts = FederationParts(
        providers={"dock": settings},
        database=place.database,
        identity=process.identity,
        tokens=process.tokens,
        own_issuer="muelle",
        fetch=fake,
        clock=place.clock,
    )
    doors = open_federation(parts)
    process.identity.accept(doors.bearers)
    return Dock(process, fake, doors)


def challenge_of(verifier: str) -> str:
    """Return what S256 makes of a verifier (RFC 7636, section 4.2)."""
    return b64(hashlib.sha256(verifier.encode()).digest()).decode()
