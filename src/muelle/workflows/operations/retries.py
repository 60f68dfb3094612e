"""Calls made again: which, when, and how often."""

from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Any, Final
from zlib import crc32

import msgspec
from msgspec import Meta

from muelle.core import CredentialRef, HttpAnswer, HttpCall, MuelleError
from muelle.packs import Json, Step

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_STATUSES: Final = frozenset({408, 425, 429, *range(500, 600)})
_MILLISECONDS: Final = 1_000
_JITTER: Final = 0.1  # of the delay, so that runs which failed together do not come back together


class Retry(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How often, and after what time, a call is made again. Retry-After is honoured up to maxDelay."""

    max_attempts: Annotated[int, Meta(ge=1, le=10, description="Attempts in all, the first one included (3).")] = 3
    initial_delay: Annotated[
        float, Meta(ge=0, le=300_000, description="Milliseconds before the second attempt (1000).")
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


async def call_again(call: HttpCall, retry: Retry | None, step: Step[Any]) -> tuple[HttpAnswer, int]:
    """Return the last answer and how many attempts were made; raise the last failure, with the fact `attempts`."""
    attempts = 0
    limit = retry.max_attempts if retry is not None and _is_repeatable(call) else 1
    while True:
        attempts += 1
        try:
            answer = await step.http.call(call)
        except MuelleError as fault:
            if attempts >= limit or not (fault.recoverable and fault.category == "network"):
                if limit > 1:
                    fault.facts["attempts"] = attempts
                raise
            asked = None
        else:
            if attempts >= limit or answer.status not in _STATUSES:
                return answer, attempts
            asked = retry_after(answer, step.now)
            if retry is None or (asked is not None and asked > retry.max_delay / _MILLISECONDS):
                return answer, attempts
        await step.sleep(_delay(retry, attempts, asked, step) if retry is not None else 0)


def _is_repeatable(call: HttpCall) -> bool:
    """Return whether a repetition does no harm; the key that we make up helps only an API that knows such keys."""
    return call.method in IDEMPOTENT or not (call.idempotency_key or "muelle-").startswith("muelle-")


def _delay(retry: Retry, attempts: int, asked: float | None, step: Step[Any]) -> float:
    """Return the seconds to wait; the part of chance comes from the run's id, so that a replay waits the same."""
    delay = min(retry.initial_delay * retry.factor ** (attempts - 1), retry.max_delay) / _MILLISECONDS
    chance = crc32(f"{step.run}:{step.operation}:{attempts}".encode()) / (1 << 32)
    return max(delay * (1 + _JITTER * chance), asked or 0)


def retry_after(answer: HttpAnswer, now: datetime) -> float | None:
    """Return the seconds that the answer asks to wait for, from a number or a date, or None."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:10])
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - 6 ms that few runs need

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return max(0.0, (moment - now).total_seconds()) if moment.tzinfo else None


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
