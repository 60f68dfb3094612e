"""Access tokens: JWT (RFC 7519) in the profile of RFC 9068, made and verified by the ring's keys alone."""

import msgspec

from muelle.core import Clock, Ids, Secret
from muelle.identity.tokens.algorithms import b64, unb64
from muelle.identity.tokens.errors import InvalidToken
from muelle.identity.tokens.model import Claims, Session
from muelle.identity.tokens.ring import KeyRing
from muelle.identity.tokens.settings import TokenSettings

LONGEST = 4096  # characters: ours have some 700
_SECOND = 1_000_000_000  # nanoseconds
_SKEW = 60  # seconds that the clock of the process which issued a token may be ahead of ours


class AccessTokens:
    """Makes access tokens, and reads those that are shown."""

    def __init__(self, ring: KeyRing, clock: Clock, ids: Ids, settings: TokenSettings) -> None:
        self._ring = ring
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._decode = msgspec.json.Decoder(Claims).decode
        self._encode = msgspec.json.Encoder().encode

    async def issue(self, session: Session) -> tuple[Secret, int]:
        """Return a token for a session, and for how many seconds it opens: no longer than the session."""
        now = self._clock.nanoseconds() // _SECOND
        until = min(now + self._settings.access_seconds, int(session.expires.timestamp()))
        claims = Claims(
            iss=self._settings.issuer,
            aud=self._settings.audience,
            sub=session.principal,
            tenant=session.tenant,
            sid=session.id,
            iat=now,
            exp=until,
            jti=self._ids.mint("token"),
        )
        signer = await self._ring.signing()
        text = b"%s.%s" % (signer.head, b64(self._encode(claims)))
        token = b"%s.%s" % (text, b64(signer.sign(text)))
        return Secret(token.decode()), until - now

    async def read(self, token: str) -> Claims:
        """Return what a token says; raise InvalidToken unless it is ours, for us, and not past its time."""
        await self._ring.refresh()
        return self.verify(token)

    def verify(self, token: str) -> Claims:
        """Return what a token says, by the keys that are known now; raise InvalidToken."""
        if len(token) > LONGEST or not token.isascii():
            raise InvalidToken("malformed")
        text, _, mark = token.encode().rpartition(b".")
        head, _, body = text.partition(b".")
        check = self._ring.check_of(head, self._clock.now())
        if check is None:
            raise InvalidToken("unknown_signer")
        try:
            signature, said = unb64(mark), unb64(body)
        except ValueError:
            raise InvalidToken("malformed") from None
        if not check(signature, text):
            raise InvalidToken("wrong_signature")
        return self._confirmed(said)

    def _confirmed(self, said: bytes) -> Claims:
        try:
            claims = self._decode(said)
        except msgspec.DecodeError:
            raise InvalidToken("malformed") from None
        if claims.iss != self._settings.issuer:
            raise InvalidToken("wrong_issuer")
        if claims.aud != self._settings.audience:
            raise InvalidToken("wrong_audience")
        now = self._clock.nanoseconds() // _SECOND
        if now >= claims.exp:
            raise InvalidToken("expired_token")
        if claims.iat > now + _SKEW:
            raise InvalidToken("not_yet")
        return claims
