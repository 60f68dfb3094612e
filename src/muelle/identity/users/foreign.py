"""Passwords as other systems have hashed them: verified as they are, and hashed anew when their user signs in.

Each kind has bounds on what it may cost, for a hash that is imported decides how long verifying takes.
"""

import hashlib
import hmac
import re
from base64 import b64decode

from muelle.identity.users.errors import UnknownHash

_BCRYPT = re.compile(r"\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}")
_DJANGO = re.compile(r"pbkdf2_sha256\$(\d{1,8})\$([^$]{1,200})\$([A-Za-z0-9+/]{43}=)")
_PBKDF2 = re.compile(r"\$pbkdf2-sha256\$(?:i=)?(\d{1,8})\$([A-Za-z0-9+./]{1,200})\$([A-Za-z0-9+./]{43})")
_SCRYPT = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{1,200})\$([A-Za-z0-9+/]{20,200})")
_ARGON2 = re.compile(r"\$argon2(?:id|i|d)\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+")
_MOST_ROUNDS = 5_000_000  # of PBKDF2: some seconds
_MOST_COST = 15  # of bcrypt: some seconds
_MOST_MEMORY = 256 << 20  # bytes
_MOST_PASSES = 20
_BCRYPT_BYTES = 72  # bcrypt reads no more


def checked_hash(text: str) -> str:
    """Return a hash that can be verified here; raise UnknownHash."""
    if not _is_bounded(text):
        raise UnknownHash(field="password_hash", begins=text[:14])
    return text


def _is_bounded(text: str) -> bool:
    if found := _ARGON2.fullmatch(text):
        return int(found[1]) << 10 <= _MOST_MEMORY and 1 <= int(found[2]) <= _MOST_PASSES
    if found := _BCRYPT.fullmatch(text):
        return int(found[1]) <= _MOST_COST
    if found := _DJANGO.fullmatch(text) or _PBKDF2.fullmatch(text):
        return 1 <= int(found[1]) <= _MOST_ROUNDS
    found = _SCRYPT.fullmatch(text)
    return found is not None and _scrypt_bytes(found) <= _MOST_MEMORY


def is_argon2(text: str) -> bool:
    """Tell whether a hash is of the kind that is made here."""
    return text.startswith("$argon2")


def matches_foreign(text: str, password: str) -> bool:
    """Tell whether a password has this hash, of a kind that is not made here; it takes long: call it in a thread."""
    given = password.encode()
    if _BCRYPT.fullmatch(text):
        return _matches_bcrypt(text, given)
    if found := _DJANGO.fullmatch(text):
        return _matches_pbkdf2(given, found[2].encode(), int(found[1]), b64decode(found[3]))
    if found := _PBKDF2.fullmatch(text):
        return _matches_pbkdf2(given, _adapted(found[2]), int(found[1]), _adapted(found[3]))
    found = _SCRYPT.fullmatch(text)
    return found is not None and _matches_scrypt(found, given)


def _matches_bcrypt(text: str, given: bytes) -> bool:
    import bcrypt  # noqa: PLC0415 - only users who were imported need it

    if b"\0" in given:
        return False
    return bcrypt.checkpw(given[:_BCRYPT_BYTES], text.encode())


def _matches_pbkdf2(given: bytes, salt: bytes, rounds: int, digest: bytes) -> bool:
    return hmac.compare_digest(hashlib.pbkdf2_hmac("sha256", given, salt, rounds), digest)


def _matches_scrypt(found: re.Match[str], given: bytes) -> bool:
    cost, blocks, lanes = int(found[1]), int(found[2]), int(found[3])
    salt, digest = _adapted(found[4]), _adapted(found[5])
    made = hashlib.scrypt(
        given, salt=salt, n=1 << cost, r=blocks, p=lanes, maxmem=_scrypt_bytes(found) + (1 << 20), dklen=len(digest)
    )
    return hmac.compare_digest(made, digest)


def _scrypt_bytes(found: re.Match[str]) -> int:
    cost, blocks, lanes = int(found[1]), int(found[2]), int(found[3])
    if not (1 <= cost <= 24 and blocks and lanes):  # noqa: PLR2004 - of 2**24 blocks there is no memory
        return _MOST_MEMORY + 1
    return 128 * blocks * ((1 << cost) + lanes)


def _adapted(text: str) -> bytes:
    """Return what base64 without padding stands for, '.' in the place of '+' as passlib writes it."""
    return b64decode(text.replace(".", "+") + "=" * (-len(text) % 4))
