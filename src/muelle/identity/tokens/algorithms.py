"""Signing and verifying, straight on `cryptography`: one algorithm for each key, chosen when the key is made.

Which algorithm verifies a token is never read from the token. Loaded only where there are tokens.
"""

from base64 import urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
Public = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
Jwk = Mapping[str, str]
Check = Callable[[bytes, bytes], bool]
Sign = Callable[[bytes], bytes]

_RSA_BITS = 2048  # NIST SP 800-57 part 1, table 2: enough until 2030, and keys are rotated
_COORDINATE = 32  # bytes of an integer of P-256
_SHA256 = hashes.SHA256()
_PKCS1 = padding.PKCS1v15()
_ECDSA = ec.ECDSA(_SHA256)
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/***")  # what is not of this alphabet becomes what no alphabet has


def b64(raw: bytes) -> bytes:
    """Return base64url without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(raw).rstrip(b"=")


def new_private(algorithm: str) -> str:
    """Return a fresh private key as PEM; RSA takes some 100 ms."""
    key: Private
    match algorithm:
        case "ES256":
            key = ec.generate_private_key(ec.SECP256R1())
        case "EdDSA":
            key = ed25519.Ed25519PrivateKey.generate()
        case _:
            key = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain).decode()


def _private(pem: str) -> Private:
    key = serialization.load_pem_private_key(pem.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise TypeError("a signing key is RSA, P-256 or Ed25519")
    return key


def public_jwk(pem: str) -> dict[str, str]:
    """Return the public half of a private key as a JWK (RFC 7517) without id."""
    public: Any = _private(pem).public_key()
    match public:
        case rsa.RSAPublicKey():
            numbers = public.public_numbers()
            return {"kty": "RSA", "n": _integer(numbers.n), "e": _integer(numbers.e)}
        case ec.EllipticCurvePublicKey():
            point = public.public_numbers()
            x, y = (b64(part.to_bytes(_COORDINATE, "big")).decode() for part in (point.x, point.y))
            return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        case _:
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw).decode()}


def _integer(number: int) -> str:
    return b64(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode()


def signer(pem: str) -> Sign:
    """Return what signs with a private key."""
    key = _private(pem)
    match key:
        case rsa.RSAPrivateKey():
            return lambda text: key.sign(text, _PKCS1, _SHA256)
        case ec.EllipticCurvePrivateKey():
            return lambda text: _joined(key.sign(text, _ECDSA))
        case ed25519.Ed25519PrivateKey():
            return key.sign


def _joined(signature: bytes) -> bytes:
    r, s = decode_dss_signature(signature)
    return r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big")


def checker(jwk: Jwk) -> Check:
    """Return what tells whether a signature of a text is by the key of a JWK that `public_jwk` made."""
    public: Any = _public(jwk)
    match public:
        case rsa.RSAPublicKey():
            verify: Callable[[bytes, bytes], None] = lambda s, text: public.verify(s, text, _PKCS1, _SHA256)  # noqa: E731 - the three in one shape
        case ec.EllipticCurvePublicKey():
            verify = lambda s, text: public.verify(_parted(s), text, _ECDSA)  # noqa: E731 - as above
        case _:
            verify = public.verify

    def check(signature: bytes, text: bytes) -> bool:
        try:
            verify(signature, text)
        except InvalidSignature:
            return False
        return True

    return check


def _parted(signature: bytes) -> bytes:
    if len(signature) != 2 * _COORDINATE:
        raise InvalidSignature
    r, s = (int.from_bytes(part, "big") for part in (signature[:_COORDINATE], signature[_COORDINATE:]))
    return encode_dss_signature(r, s)


def _public(jwk: Jwk) -> Public:
    match jwk["kty"]:
        case "RSA":
            return rsa.RSAPublicNumbers(e=_number(jwk["e"]), n=_number(jwk["n"])).public_key()
        case "EC":
            return ec.EllipticCurvePublicNumbers(_number(jwk["x"]), _number(jwk["y"]), ec.SECP256R1()).public_key()
        case _:
            return ed25519.Ed25519PublicKey.from_public_bytes(unb64(jwk["x"]))


def _number(text: str) -> int:
    return int.from_bytes(unb64(text), "big")


def unb64(text: str | bytes) -> bytes:
    """Return what base64url without padding stands for; raise ValueError for anything else, its other alphabet too."""
    raw = text.encode("ascii") if isinstance(text, str) else text
    return a2b_base64(raw.translate(_TO_STANDARD) + b"=" * (-len(raw) % 4), strict_mode=True)
