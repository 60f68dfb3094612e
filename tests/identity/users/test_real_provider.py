"""A certified provider of identities, oidc-provider from npm, from begin to end."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import msgspec
import pytest

from identity.users.provider_world import SETTINGS
from identity.users.users_world import Installation, Process, start
from muelle.core import Secret
from muelle.identity.federation.adapters.http import HttpFetch
from muelle.identity.federation.errors import ProviderFailed, SignInRefused
from muelle.identity.federation.opening import FederationDoors, FederationParts, open_federation
from muelle.identity.federation.settings import ProviderSettings
from muelle.identity.tokens.errors import InvalidToken
from muelle.identity.tokens.model import Origin

SCRIPT = Path(__file__).with_name("provider.mjs")
FOLDERS = [Path(root, "node_modules/oidc-provider/lib/index.js") for root in ("/usr/lib", "/usr/local/lib")]
WEB = Origin(method="certified")


@dataclass
class Recording(HttpFetch):
    """Fetches, and keeps what it was given for codes."""

    granted: list[dict[str, Any]] = field(default_factory=list)

    async def post(self, url: str, form: Mapping[str, str], user: str, password: Secret) -> bytes:
        answer = await super().post(url, form, user, password)
        self.granted.append(msgspec.json.decode(answer))
        return answer


@dataclass
class Harbour:
    """A process that knows the provider."""

    process: Process
    doors: FederationDoors
    fetch: Recording
    place: Installation


@pytest.fixture
async def issuer() -> AsyncIterator[str]:
    node, module = shutil.which("node"), next((path for path in FOLDERS if path.exists()), None)
    if node is None or module is None:
        pytest.skip("needs node and oidc-provider: npm install -g oidc-provider")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(node, SCRIPT, module, stdin=pipe, stdout=pipe, stderr=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(20):
        port = (await process.stdout.readline()).decode().strip()
    yield f"http://127.0.0.1:{port}"
    process.stdin.close()
    await process.communicate()


def harbour_of(place: Installation, settings: ProviderSettings) -> Harbour:
    # The provider signs with the machine's time.
    process = start(place.database, place.vault, place.clock)
    fetch = Recording()
    parts = FederationParts(
        providers={"certified": settings},
        database=place.database,
        identity=process.identity,
        tokens=process.tokens,
        own_issuer="muelle",
        fetch=fetch,
        clock=place.clock,
    )
    doors = open_federation(parts)
    process.identity.accept(doors.bearers)
    return Harbour(process, doors, fetch, place)


@pytest.fixture
def harbour(place: Installation, issuer: str) -> Harbour:
    place.clock.forward(seconds=_seconds_ahead(place))
    secret = Secret("s3cret of muelle")
    return harbour_of(place, replace(SETTINGS, issuer=issuer, client_secret=secret, roles_claim="roles", roles=ROLES))


ROLES = {"crew": "viewer"}


def _seconds_ahead(place: Installation) -> float:
    from time import time  # noqa: PLC0415 - nothing else here goes by the machine's time

    return time() - place.clock.nanoseconds() / 1_000_000_000


async def signed_in_there(url: str, login: str) -> dict[str, str]:
    """Sign in as people do, in a browser; return what they come back with."""
    async with httpx.AsyncClient() as browser:
        answer = await browser.get(url)
        for _ in range(12):
            if answer.is_redirect:
                url = urljoin(str(answer.url), answer.headers["location"])
                if url.startswith(SETTINGS.redirect):
                    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
                answer = await browser.get(url)
                continue
            [action] = re.findall(r'action="([^"]+)"', answer.text)
            [prompt] = re.findall(r'name="prompt" value="([^"]+)"', answer.text)
            answer = await browser.post(action, data={"prompt": prompt, "login": login, "password": "any"})
    raise AssertionError("nobody came back")


async def test_somebody_signs_in_with_a_certified_provider(harbour: Harbour) -> None:
    federation = harbour.doors.federation
    begun = await federation.begin("certified")

    back = await signed_in_there(begun.url, "ana")

    tokens = await federation.finish("certified", back["code"], back["state"], begun.secret.reveal(), WEB)
    principal = await harbour.process.acting(tokens)
    assert principal.name.startswith("ana-")
    assert back["state"] == begun.state
    with pytest.raises(SignInRefused):
        await federation.finish("certified", back["code"], back["state"], begun.secret.reveal(), WEB)


async def test_a_code_of_another_sign_in_is_refused_by_the_certified_provider_too(harbour: Harbour) -> None:
    federation = harbour.doors.federation
    mine, thine = [await federation.begin("certified") for _ in range(2)]
    back = await signed_in_there(mine.url, "ana")

    with pytest.raises(ProviderFailed):  # its code is bound to the verifier of who began
        await federation.finish("certified", back["code"], thine.state, thine.secret.reveal(), WEB)


async def test_its_access_tokens_open_the_door_and_its_id_tokens_do_not(harbour: Harbour) -> None:
    federation = harbour.doors.federation
    begun = await federation.begin("certified")
    back = await signed_in_there(f"{begun.url}&resource=urn:muelle", "ana")
    await federation.finish("certified", back["code"], back["state"], begun.secret.reveal(), WEB)
    [granted] = harbour.fetch.granted

    principal = await harbour.process.identity.authenticate(granted["access_token"])

    assert principal.name.startswith("ana-")
    assert principal.may("runs:read", "x")
    with pytest.raises(InvalidToken):
        await harbour.process.identity.authenticate(granted["id_token"])
    harbour.place.clock.forward(hours=2)
    with pytest.raises(InvalidToken):
        await harbour.process.identity.authenticate(granted["access_token"])
