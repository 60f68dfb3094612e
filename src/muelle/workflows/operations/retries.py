"""Calls made again: how a document says so, and the key by which an API knows a repetition."""

from hashlib import blake2b
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from muelle.core import Again, CredentialRef
from muelle.packs import Json, Step

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_MILLISECONDS: Final = 1_000


class Retry(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How often, and after what time, a call is made again: any time up to the delay. Retry-After is honoured."""

    max_attempts: Annotated[int, Meta(ge=1, le=10, description="Attempts in all, the first one included (3).")] = 3
    initial_delay: Annotated[
        float, Meta(ge=0, le=300_000, description="Most milliseconds before the second attempt (1000).")
    ] = 1_000
    max_delay: Annotated[
        float,
        Meta(
            ge=0,
            le=300_000,
            description="Longest delay in milliseconds (60000); if the API asks for longer, no more attempts.",
        ),
    ] = 60_000
    factor: Annotated[float, Meta(ge=1, le=10, description="What each delay is multiplied by for the next (2).")] = 2


def again(retry: Retry) -> Again:
    """Return how a call says that it wants to be made again."""
    return Again(
        attempts=retry.max_attempts,
        first_seconds=min(retry.initial_delay, retry.max_delay) / _MILLISECONDS,
        longest_seconds=retry.max_delay / _MILLISECONDS,
        factor=retry.factor,
    )


def idempotency_key(step: Step[Any], request: Json) -> str:
    """Return a key that is the same when this call is made again after a crash, and another for any other call.

    It holds the run, the operation, the turns of the loops around it, and what is sent.
    """
    sent = msgspec.json.encode(request, enc_hook=_named, order="sorted")
    digest = blake2b(sent, digest_size=12).hexdigest()
    place = step.place.replace(":", "-").replace(".", "-")
    return f"muelle-{step.run}-{place}-{digest}"


def _named(value: object) -> Json:
    """Return what stands for a credential in the digest: its name."""
    if isinstance(value, CredentialRef):
        return {"credentialRef": value.id}
    raise TypeError(type(value))
