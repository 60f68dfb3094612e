"""Codes that change with time (RFC 6238): HMAC-SHA1, six digits, half a minute, as authenticators expect. Pure."""

import hmac
import secrets
from base64 import b32encode
from urllib.parse import quote

STEP_SECONDS = 30
SECRET_BYTES = 20  # as long as SHA-1's digest: RFC 4226, section 4, R6
_DIGITS = 6
_AROUND = 1  # steps before and after the present one: clocks differ, and typing takes time
_RECOVERY_BYTES = 10


def code_at(secret: bytes, step: int, digits: int = _DIGITS) -> str:
    """Return the code of a step (RFC 4226, section 5.3)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}d}"


def matching_step(secret: bytes, code: str, seconds: int, after: int) -> int | None:
    """Return the step whose code that is, later than the step `after`, or None; in constant time."""
    present = seconds // STEP_SECONDS
    found = None
    for step in range(present - _AROUND, present + _AROUND + 1):
        is_right = hmac.compare_digest(code_at(secret, step).encode(), code.encode("utf-8", "replace"))
        if is_right and step > after:
            found = step
    return found


def new_secret() -> bytes:
    """Return a fresh secret."""
    return secrets.token_bytes(SECRET_BYTES)


def written(secret: bytes) -> str:
    """Return a secret as people type it."""
    return b32encode(secret).decode()


def uri(secret: bytes, email: str, issuer: str) -> str:
    """Return what authenticators read from a QR code."""
    label = quote(f"{issuer}:{email}", safe="@:")
    return f"otpauth://totp/{label}?secret={written(secret)}&issuer={quote(issuer)}&algorithm=SHA1&digits=6&period=30"


def new_recovery_code() -> str:
    """Return a code of 80 bits in four groups, for who lost the authenticator."""
    text = b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def cleaned_recovery(code: str) -> str:
    """Return a recovery code as it is hashed, however it was typed."""
    return code.strip().lower().replace("-", "").replace(" ", "")
