"""What may be a key, a name, a value or a secret; checked alike by every adapter."""

import re

from muelle.stores.errors import (
    BlobTooLarge,
    InvalidBlobKey,
    InvalidContentType,
    InvalidSecret,
    InvalidValueKey,
    ValueTooLarge,
)

LONGEST_KEY = 512  # characters
LONGEST_PART = 120  # of a blob's key between two '/'; a file's name may need twice as many of the usual 255 bytes
LONGEST_NAME = 200
LONGEST_SECRET = 65_536
LONGEST_CONTENT_TYPE = 200

_PART = re.compile(r"[A-Za-z0-9._-]+\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PREFIX = re.compile(r"[A-Za-z0-9._/-]*\Z")


def check_blob(key: str, body: bytes, content_type: str, limit: int) -> None:
    """Raise InvalidBlobKey, InvalidContentType or BlobTooLarge unless this may be kept."""
    check_blob_key(key)
    check_content_type(content_type)
    if len(body) > limit:
        raise BlobTooLarge(key=key, bytes=len(body), limit=limit)


def check_blob_key(key: str) -> None:
    """Raise InvalidBlobKey unless every part is harmless as a name of a file."""
    if not 0 < len(key) <= LONGEST_KEY or not all(_is_part(part) for part in key.split("/")):
        raise InvalidBlobKey(key=key[:100])


def check_blob_part(part: str) -> None:
    """Raise InvalidBlobKey unless this is harmless as a name of a file."""
    if not _is_part(part):
        raise InvalidBlobKey(part=part[:100])


def check_blob_prefix(prefix: str) -> None:
    """Raise InvalidBlobKey unless a key could begin so."""
    if len(prefix) > LONGEST_KEY or not _PREFIX.match(prefix):
        raise InvalidBlobKey(prefix=prefix[:100])


def _is_part(part: str) -> bool:
    return len(part) <= LONGEST_PART and part not in {".", ".."} and bool(_PART.match(part))


def check_content_type(content_type: str) -> None:
    """Raise InvalidContentType unless it is short printable ASCII."""
    if len(content_type) > LONGEST_CONTENT_TYPE or not content_type.isascii() or not content_type.isprintable():
        raise InvalidContentType(content_type=content_type[:100])


def check_value(space: str, key: str, value: bytes, content_type: str, limit: int) -> None:
    """Raise InvalidValueKey, InvalidContentType or ValueTooLarge unless this may be kept."""
    check_value_key(space, key)
    check_content_type(content_type)
    if len(value) > limit:
        raise ValueTooLarge(key=key, bytes=len(value), limit=limit)


def check_value_key(space: str, key: str) -> None:
    """Raise InvalidValueKey unless both may name a value."""
    for field, text in (("space", space), ("key", key)):
        if not 0 < len(text) <= LONGEST_KEY or _CONTROL.search(text):
            raise InvalidValueKey(field=field, value=text[:100])


def check_secret_name(name: str) -> None:
    """Raise InvalidSecret unless this may name a secret."""
    if not 0 < len(name) <= LONGEST_NAME or _CONTROL.search(name):
        raise InvalidSecret(field="name", name=name[:100])


def check_secret(name: str, secret: str) -> None:
    """Raise InvalidSecret unless this may be kept; the error never holds the secret."""
    check_secret_name(name)
    if not 0 < len(secret) <= LONGEST_SECRET:
        raise InvalidSecret(field="secret", characters=len(secret), limit=LONGEST_SECRET)
