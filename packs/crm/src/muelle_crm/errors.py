"""What can go wrong with the CRM."""

from muelle.packs import HttpAnswer, NotFound, Unavailable, Upstream

PREVIEW = 200  # characters of the CRM's answer that an error shows


class CrmNotConfigured(Unavailable):
    """Nobody has said where the CRM is."""

    code = "crm_not_configured"
    recoverable = False
    suggestions = ("Set packs.crm.base_url, or MUELLE__PACKS__CRM__BASE_URL, and start Muelle again.",)


class ContactNotFound(NotFound):
    """The CRM has no such contact."""

    code = "crm_contact_not_found"
    suggestions = ("Find the contact's id with FindContacts.",)


class NoCrm(NotFound):
    """The CRM has nothing at this address."""

    code = "crm_not_found"
    suggestions = ("Correct packs.crm.base_url; it ends before '/contacts'.",)


class CrmRefused(Upstream):
    """The CRM refuses the credential."""

    code = "crm_refused"
    recoverable = False
    suggestions = ("Check that the credential of this id is still valid and may do this.",)


class CrmRejected(Upstream):
    """The CRM does not accept the call."""

    code = "crm_rejected"
    recoverable = False
    suggestions = ("Correct the values that the CRM complains of.",)


class CrmBusy(Upstream):
    """The CRM asks for patience."""

    code = "crm_busy"
    suggestions = ("Try again after the number of seconds that the error names.",)


class CrmFailed(Upstream):
    """The CRM failed."""

    code = "crm_failed"


class CrmMisunderstood(Upstream):
    """The CRM answered something that this pack does not understand."""

    code = "crm_misunderstood"
    recoverable = False
    suggestions = ("Check that packs.crm.base_url is the CRM's API, and that the pack knows the CRM's version.",)


def require_success(answer: HttpAnswer, credential: str) -> None:
    """Raise what the CRM's status means, unless it is a success."""
    if answer.status < 300:  # noqa: PLR2004 - where success ends in HTTP
        return
    preview = answer.body[: PREVIEW * 4].decode("utf-8", "replace")[:PREVIEW]
    match answer.status:
        case 401 | 403:
            raise CrmRefused(status_code=answer.status, credential=credential)
        case 404:
            raise NoCrm(status_code=404, response_preview=preview)
        case 429:
            raise CrmBusy(status_code=429, retry_after=answer.headers.get("retry-after"))
        case status if status >= 500:  # noqa: PLR2004 - where the server's own failures begin in HTTP
            raise CrmFailed(status_code=status, response_preview=preview)
        case status:
            raise CrmRejected(status_code=status, response_preview=preview)
