"""How fast access tokens are verified where each is seen for the first time, with the signing key known.

Run: `.venv/bin/python tests/bench/door/jwt.py`; it ends with JSON.
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from muelle.core import Ids, PrincipalId, SystemClock, TenantId
from muelle.identity.tokens.access import AccessTokens
from muelle.identity.tokens.model import Origin, Session
from muelle.identity.tokens.ring import KeyRing
from muelle.identity.tokens.settings import TokenSettings
from muelle.identity.tokens.store import TokenKeys
from muelle.stores import MemoryVault, StoresSettings, open_database

ALGORITHMS = ("RS256", "ES256", "EdDSA")
ROUNDS = 3


async def verified(algorithm: str, number: int) -> float:
    """Return how many different tokens a second are verified, in the best of some rounds."""
    clock = SystemClock()
    ids = Ids(clock)
    settings = TokenSettings(algorithm=algorithm)
    with tempfile.TemporaryDirectory() as folder:
        async with open_database(Path(folder), StoresSettings()) as database:
            access = AccessTokens(
                KeyRing(TokenKeys(database), MemoryVault(), clock, ids, settings), clock, ids, settings
            )
            tokens = [(await access.issue(session(ids, clock)))[0].reveal() for _ in range(number)]
            return max(_rate(access, tokens) for _ in range(ROUNDS))


def session(ids: Ids, clock: SystemClock) -> Session:
    """Return a session of its own for each token."""
    now = clock.now()
    return Session(
        id=ids.mint("session"),
        tenant=TenantId("default"),
        principal=PrincipalId(ids.mint("agent")),
        origin=Origin(method="password"),
        created=now,
        used=now,
        expires=now.replace(year=now.year + 1),
    )


def _rate(access: AccessTokens, tokens: list[str]) -> float:
    begun = time.perf_counter()
    for token in tokens:
        access.verify(token)
    return len(tokens) / (time.perf_counter() - begun)


def measure(quick: bool) -> dict[str, float | None]:  # noqa: FBT001 - as all parts of bench-door have it
    """Return `jwt_per_s` by the algorithm that is the default, and the same for the others."""
    number = 1000 if quick else 5000
    rates = {name: asyncio.run(verified(name, number)) for name in ALGORITHMS}
    return {"jwt_per_s": rates["RS256"], **{f"jwt_{name.lower()}_per_s": rate for name, rate in rates.items()}}


if __name__ == "__main__":
    print(json.dumps(measure("--quick" in sys.argv)))
