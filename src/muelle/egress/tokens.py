"""Access tokens of OAuth 2 (RFC 6749): got when they are needed, kept until shortly before they expire.

A token is kept in this process alone. All calls that need the same one wait for one request; if that fails, it failed
for all of them. A refresh token that the server replaced is stored before the access token is used: the old one is
worth nothing any more. Where another process was quicker, its refresh token is in the Vault, and is tried once.
"""

import asyncio
import base64
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urlencode

import msgspec

from muelle.core import Clock, MuelleError
from muelle.egress.errors import TokenEndpointFailed, TokenRefused
from muelle.egress.guard import Networks
from muelle.egress.kinds import (
    CLIENT_CREDENTIALS,
    SHORTEST_SECRET,
    TokenOptions,
    refresh_secret,
    rotated,
    token_options,
)
from muelle.egress.model import Credential
from muelle.egress.target import read_target
from muelle.egress.wire import Answer, Request

_FORM = "application/x-www-form-urlencoded"
_OK = 200
_SERVER_FAULT = 500
_BUSY = 429
_LIFETIME = 300.0  # seconds, of a token whose server does not say
_LONGEST = 86_400.0  # seconds that a token is kept at most, whatever its server says
_MARGIN = 60.0  # seconds before its end that a token is not used any more, or a tenth of its time if that is less
_MOST_BYTES = 64 << 10
_TOKEN = re.compile(r"[\x21-\x7e]+")  # RFC 6750, section 2.1, generously
_WORD = re.compile(r"[a-z0-9_]{1,60}")

Key = tuple[str, str, int, str]


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; shown in no traceback."""

    text: str = field(repr=False)
    ends: float  # of the monotonic clock


class _Granted(msgspec.Struct, frozen=True):
    access_token: str
    token_type: str
    expires_in: float | str | None = None
    refresh_token: str | None = None


class _Denied(msgspec.Struct, frozen=True):
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a token is got with: the credential, its secret, where it is kept, and which networks may be reached."""

    credential: Credential
    secret: str = field(repr=False)
    networks: Networks = field(repr=False)
    reread: Callable[[], Awaitable[str | None]]
    store: Callable[[str], Awaitable[None]]

    @property
    def key(self) -> Key:
        """What two grants share if they have the same token."""
        credential = self.credential
        return credential.tenant, credential.id, credential.version, credential.updated.isoformat()


class _Place:
    """Where one credential's token is; `turn` counts the requests for it, so that who waited sees how they ended."""

    __slots__ = ("failure", "lock", "token", "turn")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.token: Token | None = None
        self.turn = 0
        self.failure: MuelleError | None = None


class Tokens:
    """The tokens of this process, of at most `most` credentials, the longest unused forgotten first."""

    def __init__(self, send: Callable[[Request], Awaitable[Answer]], clock: Clock, most: int) -> None:
        self._send = send
        self._clock = clock
        self._most = most
        self._places: OrderedDict[Key, _Place] = OrderedDict()

    async def get(self, grant: Grant, refused: str = "") -> tuple[Token, bool]:
        """Return a token that is not the `refused` one, and whether it was got just now.

        Raise TokenRefused, TokenEndpointFailed, or what keeps the request from its server.
        """
        place = self._place(grant.key)
        token = self._usable(place, refused)
        if token:
            return token, False
        turn = place.turn
        async with place.lock:
            token = self._usable(place, refused)
            if token:
                return token, False
            if place.turn != turn and place.failure:
                raise place.failure  # of the request that this one waited for
            return await self._got(place, grant), True

    async def _got(self, place: _Place, grant: Grant) -> Token:
        place.failure = None
        try:
            place.token = await self._fetched(grant)
        except MuelleError as error:
            place.failure = error
            raise
        finally:
            place.turn += 1
        return place.token

    def _place(self, key: Key) -> _Place:
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = _Place()
        self._places.move_to_end(key)
        while len(self._places) > self._most:
            self._places.popitem(last=False)
        return place

    def _usable(self, place: _Place, refused: str) -> Token | None:
        token = place.token
        if token is None or token.text == refused or self._clock.monotonic() >= token.ends:
            return None
        return token

    async def _fetched(self, grant: Grant) -> Token:
        options = token_options(grant.credential.options)
        answer = await self._asked(grant, options, grant.secret)
        secret = grant.secret
        if _error(answer) == "invalid_grant":  # another process may have used the refresh token and stored the next
            present = await grant.reread()
            if present is not None and present != secret:
                secret = present
                answer = await self._asked(grant, options, secret)
        granted = _granted(answer, grant.credential.id, read_target(options.token_url).place)
        if granted.refresh_token and grant.credential.type != CLIENT_CREDENTIALS:
            kept = refresh_secret(secret)
            if kept is None or granted.refresh_token != kept.refresh_token:
                await grant.store(rotated(secret, granted.refresh_token))
        return Token(granted.access_token, self._clock.monotonic() + _usable_seconds(granted.expires_in))

    async def _asked(self, grant: Grant, options: TokenOptions, secret: str) -> Answer:
        fields, client_secret = _fields(grant.credential, options, secret)
        headers = {"accept": "application/json", "content-type": _FORM}
        if client_secret and options.auth == "basic":
            pair = f"{quote_plus(options.client_id)}:{quote_plus(client_secret)}"  # RFC 6749, section 2.3.1
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            fields["client_id"] = options.client_id
            if client_secret:
                fields["client_secret"] = client_secret
        return await self._send(
            Request(
                method="POST",
                target=read_target(options.token_url),
                headers=headers,
                body=urlencode(fields).encode(),
                networks=grant.networks,
                max_answer_bytes=_MOST_BYTES,
            )
        )


def _fields(credential: Credential, options: TokenOptions, secret: str) -> tuple[dict[str, str], str]:
    """Return the fields of the form, and the client's secret."""
    wanted = {"scope": options.scope, "audience": options.audience}
    given = {name: value for name, value in wanted.items() if value}
    if credential.type == CLIENT_CREDENTIALS:
        return {"grant_type": "client_credentials", **given}, secret
    kept = refresh_secret(secret)
    if kept is None:
        raise TokenRefused(credential=credential.id, reason="its secret holds no refresh token")
    return {"grant_type": "refresh_token", "refresh_token": kept.refresh_token, **given}, kept.client_secret


def _error(answer: Answer) -> str:
    """Return the error code of an answer if it is one (RFC 6749, section 5.2): a word, never free text."""
    if answer.status == _OK:
        return ""
    try:
        word = msgspec.json.decode(answer.body, type=_Denied).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    return word if _WORD.fullmatch(word) else ""


def _granted(answer: Answer, credential: str, host: str) -> _Granted:
    facts = {"credential": credential, "host": host, "upstream_status": answer.status}
    if answer.status >= _SERVER_FAULT or answer.status == _BUSY:
        raise TokenEndpointFailed(**facts)
    if answer.status != _OK:
        raise TokenRefused(**facts, reason=_error(answer) or "refused")
    try:
        granted = msgspec.json.decode(answer.body, type=_Granted)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise TokenEndpointFailed(**facts, reason="not the JSON of a token") from None
    if granted.token_type.lower() != "bearer":
        raise TokenRefused(**facts, reason="not a bearer token")
    if len(granted.access_token) < SHORTEST_SECRET or not _TOKEN.fullmatch(granted.access_token):
        raise TokenRefused(**facts, reason="not a token that can be sent, or too short to be kept secret")
    return granted


def _usable_seconds(lifetime: float | str | None) -> float:
    """Return how long a token is used: to shortly before its end. Some servers write the seconds as a text."""
    try:
        seconds = _LIFETIME if lifetime is None else float(lifetime)
    except ValueError:
        seconds = _LIFETIME
    if not 0 < seconds < float("inf"):
        return 0.0
    seconds = min(seconds, _LONGEST)
    return seconds - min(_MARGIN, seconds / 10)
