"""Answers that may be given again: kept for one principal and one exact call, within bounds of age and size."""

from collections import OrderedDict
from dataclasses import replace
from typing import Any

import msgspec

from muelle.core import Clock, CredentialRef, HttpAnswer, HttpCall
from muelle.identity import Principal

_SAFE = frozenset({"GET", "HEAD"})
_OK = 200
_ENCODE = msgspec.json.Encoder(enc_hook=lambda value: {"credentialRef": _id_of(value)}).encode


def _id_of(value: object) -> str:
    if isinstance(value, CredentialRef):
        return value.id
    raise TypeError(type(value).__name__)


class KeptAnswers:
    """A cache of answers, least recently used first out. What is given again was authorised anew before."""

    def __init__(self, clock: Clock, most_bytes: int) -> None:
        self._clock = clock
        self._most_bytes = most_bytes
        self._kept: OrderedDict[tuple[Any, ...], tuple[float, HttpAnswer]] = OrderedDict()
        self._bytes = 0

    def find(self, principal: Principal, call: HttpCall) -> HttpAnswer | None:
        """Return an answer that is no older than the call allows, marked as cached; else None."""
        if not _is_keepable(call):
            return None
        key = _key(principal, call)
        since, answer = self._kept.get(key, (0.0, None))
        if answer is None or self._clock.monotonic() - since > (call.cache_seconds or 0):
            return None
        self._kept.move_to_end(key)
        return replace(answer, cached=True, attempts=1)

    def keep(self, principal: Principal, call: HttpCall, answer: HttpAnswer) -> None:
        """Keep the answer if the call asked for it, is safe, and succeeded."""
        if not _is_keepable(call) or answer.status != _OK or len(answer.body) > self._most_bytes:
            return
        key = _key(principal, call)
        self._drop(key)
        self._kept[key] = (self._clock.monotonic(), answer)
        self._bytes += len(answer.body)
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: tuple[Any, ...]) -> None:
        dropped = self._kept.pop(key, None)
        if dropped is not None:
            self._bytes -= len(dropped[1].body)


def _is_keepable(call: HttpCall) -> bool:
    return call.cache_seconds is not None and call.method.upper() in _SAFE and call.body is None


def _key(principal: Principal, call: HttpCall) -> tuple[Any, ...]:
    """Everything that may change the answer: whose call, which call, with which credentials (by name)."""
    what = _ENCODE([sorted(call.headers.items()), sorted(call.query.items())])
    return principal.tenant, principal.id, call.method.upper(), call.url, what
