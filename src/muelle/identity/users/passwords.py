"""Passwords: argon2id, in threads, so many at a time; the work is the same whether there is an account or not."""

import asyncio
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from muelle.identity.users.errors import HashingBusy
from muelle.identity.users.foreign import is_argon2, matches_foreign
from muelle.identity.users.settings import UserSettings

if TYPE_CHECKING:
    from argon2 import PasswordHasher

T = TypeVar("T")
_LANES = 1


class Passwords:
    """Hashes passwords and compares them."""

    def __init__(self, settings: UserSettings) -> None:
        self._settings = settings
        self._turns = asyncio.Semaphore(settings.hashing)
        self._waiting = 0
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """Return what is kept of a password; raise HashingBusy."""
        return await self._in_thread(lambda: self._hasher.hash(password))

    async def matches(self, kept: str | None, password: str) -> bool:
        """Tell whether that is the password; None, for an account that there is not, takes as long. HashingBusy."""
        if self._nobodys is None:
            self._nobodys = await self.hash("nobody's password")
        present = kept or self._nobodys
        return await self._in_thread(lambda: self._compared(present, password)) and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Tell whether a password was hashed elsewhere, or with less work than is wanted now."""
        return not is_argon2(kept) or self._hasher.check_needs_rehash(kept)

    def _compared(self, kept: str, password: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415 - as below

        if not is_argon2(kept):
            return matches_foreign(kept, password)
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False

    @cached_property
    def _hasher(self) -> "PasswordHasher":
        from argon2 import PasswordHasher  # noqa: PLC0415 - only who signs in needs it

        settings = self._settings
        return PasswordHasher(time_cost=settings.passes, memory_cost=settings.memory_kib, parallelism=_LANES)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._waiting >= self._settings.hashing + self._settings.hashing_waiting:
            raise HashingBusy
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1
