"""One call under way, over all its hops: what it may, what it knows, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from muelle.core import Attempt, HttpAnswer, HttpCall
from muelle.egress.chain import NO_API, Brought
from muelle.egress.directory import Listing, Listings
from muelle.egress.errors import CredentialNotBound
from muelle.egress.exchange import Opened, Scrubber
from muelle.egress.guard import Networks
from muelle.egress.policy import bound
from muelle.egress.target import Target
from muelle.identity import Principal


@dataclass(slots=True, kw_only=True)
class Journey:
    """One call under way: whose it is, what it may reach, and every secret that it has used so far."""

    principal: Principal
    call: HttpCall
    began: float
    listings: Listings
    networks: Networks
    max_answer_bytes: int
    api: str = NO_API
    purse: dict[str, Opened] = field(default_factory=dict)
    until: float = 0.0
    seconds: float = 0.0
    attempts: int = 1
    is_cached: bool = False
    is_over: bool = False

    def note(self, attempt: Attempt) -> None:
        """Tell whoever calls of an attempt, as long as it waits: others may go on with what it began."""
        if self.call.on_attempt is not None and not self.is_over:
            self.call.on_attempt(attempt)


def keep_secrets_home(journey: Journey, target: Target, listing: Listing | None) -> None:
    """Do not follow a server that was given a secret and wants it carried to where it may not go."""
    for name, opened in journey.purse.items():
        if not bound(opened.credential, target, listing) and Scrubber({name: opened}).finds(target.url):
            raise CredentialNotBound(credential=name, host=target.place)


def scrubbed(brought: Brought, journey: Journey, duration: float) -> HttpAnswer:
    """Return what the call is answered with, without any secret that it used."""
    scrubber = Scrubber(journey.purse)
    answer = brought.answer
    headers: Mapping[str, str] = answer.headers
    if journey.purse:
        headers = {name: scrubber.text(value) for name, value in headers.items()}
    return HttpAnswer(
        status=answer.status,
        headers=headers,
        body=scrubber.scrub(answer.body),
        url=scrubber.text(brought.url),
        duration=duration,
        attempts=journey.attempts,
        cached=journey.is_cached,
    )
