"""Tokens of a provider: which key may verify them, and what has to be in them. The algorithm is bound by the key."""

import hmac
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from muelle.core import Clock
from muelle.identity.federation.documents import Jwk, ProviderDocuments
from muelle.identity.federation.settings import ProviderSettings
from muelle.identity.tokens.algorithms import unb64
from muelle.identity.tokens.errors import InvalidToken

LONGEST = 16_384  # characters: some providers write many roles into a token
_ALGORITHMS = {  # by kind of key; no shared secrets: who verifies with one can sign with it too
    "RSA": frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    "EC": frozenset({"ES256", "ES384", "ES512"}),
    "OKP": frozenset({"EdDSA", "Ed25519"}),
}
_TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
_SECOND = 1_000_000_000  # nanoseconds
Claims = Mapping[str, Any]


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says about its signature, of which only the id of the key is believed."""

    alg: str
    kid: str | None = None
    typ: str = ""
    crit: Any = None


class TokenReader:
    """Reads the tokens of one provider."""

    def __init__(self, settings: ProviderSettings, documents: ProviderDocuments, clock: Clock) -> None:
        self._settings = settings
        self._documents = documents
        self._clock = clock

    async def read(self, token: str, audience: str) -> Claims:
        """Return what a token says; raise InvalidToken unless the provider signed it, for `audience`, for now."""
        head = head_of(token)
        key = _fitting(await self._documents.keys(head.kid), head)
        claims = _verified(token, head, key)
        self._check(claims, audience)
        return claims

    async def read_id(self, token: str, nonce: str) -> Claims:
        """Return what an ID token says of who has just signed in (OpenID Connect Core 1.0, section 3.1.3.7)."""
        claims = await self.read(token, self._settings.client_id)
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise InvalidToken("wrong_nonce")
        return claims

    def _check(self, claims: Claims, audience: str) -> None:
        if claims.get("iss") != self._settings.issuer:
            raise InvalidToken("wrong_issuer")
        given = claims.get("aud")
        audiences = given if isinstance(given, list) else [given]
        if not audience or audience not in audiences:
            raise InvalidToken("wrong_audience")
        if audience == self._settings.client_id and claims.get("azp", audience) != audience:
            raise InvalidToken("wrong_audience")
        if not isinstance(claims.get("sub"), str) or not 1 <= len(claims["sub"]) <= 255:  # noqa: PLR2004 - as the standard has it
            raise InvalidToken("malformed")
        self._check_times(claims)

    def _check_times(self, claims: Claims) -> None:
        now, skew = self._clock.nanoseconds() // _SECOND, self._settings.skew_seconds
        if now >= _number(claims, "exp", 0) + skew:
            raise InvalidToken("expired_token")
        if max(_number(claims, "nbf", 0), _number(claims, "iat", 0)) > now + skew:
            raise InvalidToken("not_yet")


def head_of(token: str) -> Head:
    """Return the head of a token; raise InvalidToken for what no provider of ours would sign so."""
    if len(token) > LONGEST or token.count(".") != 2:  # noqa: PLR2004 - head, body and signature
        raise InvalidToken("malformed")
    head: Head = _part(token, 0, Head)
    if head.crit is not None or head.typ.lower() not in _TYPES:
        raise InvalidToken("another_kind")
    return head


def issuer_of(token: str) -> str:
    """Return whom a token says to be from, which nobody has verified yet: to choose who is asked."""
    said: dict[str, Any] = _part(token, 1, dict[str, Any])
    return str(said.get("iss", ""))


def _part(token: str, number: int, kind: Any) -> Any:  # noqa: ANN401 - a type
    try:
        return msgspec.json.decode(unb64(token.split(".")[number]), type=kind)
    except (ValueError, IndexError, RecursionError):
        raise InvalidToken("malformed") from None


def _fitting(keys: Sequence[Jwk], head: Head) -> Jwk:
    fitting = [key for key in keys if _fits(key, head)]
    if len(fitting) != 1:
        raise InvalidToken("unknown_signer")
    return fitting[0]


def _fits(key: Jwk, head: Head) -> bool:
    is_for_signing = key.get("use", "sig") == "sig" and key.get("alg", head.alg) == head.alg
    is_named = head.kid is None or key.get("kid") == head.kid
    return is_for_signing and is_named and head.alg in _ALGORITHMS.get(str(key.get("kty")), ())


def _verified(token: str, head: Head, key: Jwk) -> Claims:
    from joserfc import jwt  # noqa: PLC0415 - loads in 60 ms, and only tokens of providers need it
    from joserfc.errors import JoseError, SecurityWarning  # noqa: PLC0415 - as above
    from joserfc.jwk import JWKRegistry  # noqa: PLC0415 - as above

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # that EdDSA is called Ed25519 now (RFC 9864)
            claims: Claims = jwt.decode(token, JWKRegistry.import_key(dict(key)), algorithms=[head.alg]).claims
    except JoseError:
        raise InvalidToken("wrong_signature") from None
    except ValueError:
        raise InvalidToken("malformed") from None
    return claims


def _number(claims: Claims, name: str, default: float) -> float:
    value = claims.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidToken("malformed")
    return float(value)
