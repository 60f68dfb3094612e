"""How a provider is reached: what federation needs of HTTP, handed in."""

from collections.abc import Mapping
from typing import Protocol

from muelle.core import Secret


class Fetch(Protocol):
    """Asks providers; what is not 200, too long or too late is ProviderFailed."""

    async def get(self, url: str) -> bytes:
        """Return what is there."""
        ...

    async def post(self, url: str, form: Mapping[str, str], user: str, password: Secret) -> bytes:
        """Send a form, as `user` where there is a password, and return the answer."""
        ...
