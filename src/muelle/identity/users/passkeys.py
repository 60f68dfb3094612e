"""Passkeys (WebAuthn, level 3): a device proves that its owner is there and was recognised; no secret leaves it.

That is two factors in one, so no further code is asked for. A challenge is derived from a secret that stays with who
began, works once and for five minutes. Passkeys are found by their own id, so nobody is asked who they are before.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from muelle.core import Clock, Ids, Secret
from muelle.identity.audit import Acts, AuditTrail
from muelle.identity.checks import checked_text
from muelle.identity.errors import AgentNotFound, DisabledAgent
from muelle.identity.model import DEFAULT_TENANT, Principal
from muelle.identity.service import Identity
from muelle.identity.tokens.model import Origin, Tokens
from muelle.identity.tokens.sessions import Sessions, digest_of
from muelle.identity.users.errors import PasskeyNotFound, PasskeyRefused, PasskeysOff
from muelle.identity.users.model import Ticket, User
from muelle.identity.users.settings import UserSettings
from muelle.identity.users.signing_in import SigningIn
from muelle.identity.users.store import TicketStore, UserStore
from muelle.identity.users.stores.passkeys import Passkey, PasskeyStore

_LASTS = timedelta(minutes=5)
_SECRET_BYTES = 32
_KIND: Final = "passkey"
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a browser hands to `navigator.credentials`, and the secret that is asked for after."""

    options: Json
    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyParts:
    """What passkeys work with."""

    passkeys: PasskeyStore
    users: UserStore
    tickets: TicketStore
    signing_in: SigningIn
    sessions: Sessions
    identity: Identity
    trail: AuditTrail
    clock: Clock
    settings: UserSettings


class Passkeys:
    """Adds passkeys, lists and removes them, and signs in by them."""

    def __init__(self, parts: PasskeyParts) -> None:
        self._parts = parts
        self._acts = Acts(parts.clock, Ids(parts.clock))

    async def begin(self, actor: Principal, password: str, address: str) -> Challenge:
        """Return the challenge for a new passkey; raise PasskeysOff, and what proving the password raises."""
        from webauthn import generate_registration_options, options_to_json  # noqa: PLC0415 - as below
        from webauthn.helpers import structs  # noqa: PLC0415 - loads in 100 ms, and only passkeys need it

        self._require_on()
        user = await self._parts.signing_in.confirmed(actor, password, address)
        secret = await self._secret(user)
        chosen = structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        )
        options = generate_registration_options(
            rp_id=self._host,
            rp_name="Muelle",
            user_name=user.email,
            user_id=user.principal.encode(),
            challenge=_challenge(secret),
            authenticator_selection=chosen,
        )
        return Challenge(json.loads(options_to_json(options)), Secret(secret))

    async def add(self, actor: Principal, secret: str, credential: Json, name: str = "") -> Passkey:
        """Keep a passkey that a device has made; raise PasskeyRefused, PasskeyExists, PasskeysOff, InvalidText."""
        from webauthn import verify_registration_response  # noqa: PLC0415 - as above
        from webauthn.helpers import bytes_to_base64url  # noqa: PLC0415 - as above

        self._require_on()
        user = await self._parts.signing_in.user_of(actor)
        await self._redeemed(secret, user.principal)
        with _Refusing():
            made = verify_registration_response(
                credential=dict(credential),
                expected_challenge=_challenge(secret),
                expected_rp_id=self._host,
                expected_origin=self._parts.settings.origin,
                require_user_verification=True,
            )
        passkey = Passkey(
            id=bytes_to_base64url(made.credential_id),
            principal=user.principal,
            name=checked_text(name, "name"),
            public=made.credential_public_key,
            uses=made.sign_count,
            created=self._parts.clock.now(),
        )
        await self._parts.passkeys.add(passkey)
        await self._record(actor, "users.add_passkey", passkey.id)
        return passkey

    async def of(self, actor: Principal) -> list[Passkey]:
        """Return somebody's own passkeys, in the order of ids."""
        return await self._parts.passkeys.of(actor.id)

    async def remove(self, actor: Principal, passkey: str) -> None:
        """Let one of somebody's own passkeys open nothing more; raise PasskeyNotFound."""
        if not await self._parts.passkeys.remove(actor.id, passkey):
            raise PasskeyNotFound(passkey=passkey[:100])
        await self._record(actor, "users.remove_passkey", passkey)

    async def begin_sign_in(self) -> Challenge:
        """Return a challenge for whoever has a passkey; raise PasskeysOff."""
        from webauthn import generate_authentication_options, options_to_json  # noqa: PLC0415 - as above
        from webauthn.helpers import structs  # noqa: PLC0415 - as above

        self._require_on()
        secret = await self._secret(None)
        options = generate_authentication_options(
            rp_id=self._host,
            challenge=_challenge(secret),
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        )
        return Challenge(json.loads(options_to_json(options)), Secret(secret))

    async def sign_in(self, secret: str, credential: Json, origin: Origin, *, request: str = "") -> Tokens:
        """Begin a session for who answered a challenge; raise PasskeyRefused, whatever the cause."""
        self._require_on()
        await self._redeemed(secret, "")
        passkey = await self._parts.passkeys.find(str(credential.get("id", "")))
        if passkey is None:
            raise PasskeyRefused
        uses = self._uses(passkey, secret, credential)
        if not await self._parts.passkeys.use(passkey, uses, self._parts.clock.now()):
            raise PasskeyRefused  # another answer of the same device was faster, or of a copy of it
        return await self._parts.sessions.begin(await self._principal(passkey), origin, request=request)

    def _uses(self, passkey: Passkey, secret: str, credential: Json) -> int:
        from webauthn import verify_authentication_response  # noqa: PLC0415 - as above

        with _Refusing():
            shown = verify_authentication_response(
                credential=dict(credential),
                expected_challenge=_challenge(secret),
                expected_rp_id=self._host,
                expected_origin=self._parts.settings.origin,
                credential_public_key=passkey.public,
                credential_current_sign_count=passkey.uses,
                require_user_verification=True,
            )
        return shown.new_sign_count

    async def _principal(self, passkey: Passkey) -> Principal:
        user = await self._parts.users.by_principal(passkey.principal)
        if user is None:
            raise PasskeyRefused
        try:
            return await self._parts.identity.principal(user.tenant, user.principal)
        except (AgentNotFound, DisabledAgent):
            raise PasskeyRefused from None

    async def _record(self, actor: Principal, action: str, passkey: str) -> None:
        await self._parts.trail.record([self._acts.allowed(actor, action, passkey)])

    async def _secret(self, user: User | None) -> str:
        secret, now = secrets.token_urlsafe(_SECRET_BYTES), self._parts.clock.now()
        tenant, whose = (user.tenant, user.principal) if user else (DEFAULT_TENANT, "")
        ticket = Ticket(kind=_KIND, tenant=tenant, email="", expires=now + _LASTS, principal=whose)
        await self._parts.tickets.add(digest_of(secret), ticket, now, is_sole=False)
        return secret

    async def _redeemed(self, secret: str, whose: str) -> None:
        now = self._parts.clock.now()
        ticket = await self._parts.tickets.find(digest_of(secret), now)
        if ticket is None or ticket.principal != whose or ticket.kind != _KIND:
            raise PasskeyRefused
        if not await self._parts.tickets.use(digest_of(secret), _KIND, now):
            raise PasskeyRefused

    def _require_on(self) -> None:
        if not self._parts.settings.origin:
            raise PasskeysOff

    @property
    def _host(self) -> str:
        return urlsplit(self._parts.settings.origin).hostname or ""


class _Refusing:
    """What is wrong with an answer of a device is PasskeyRefused, whatever it is."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        """Translate what the library raises: its own errors, and those of what it decodes with."""
        from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415 - loaded by now

        if isinstance(error, WebAuthnException | ValueError):
            raise PasskeyRefused from None


def _challenge(secret: str) -> bytes:
    return digest_of(f"{_KIND}\n{secret}").encode()
