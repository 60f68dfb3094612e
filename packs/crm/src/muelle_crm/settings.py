"""Where the CRM is, and under which id its credential is kept."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from muelle.packs import Invalid


class InvalidCrmSetting(Invalid):
    """A setting of the pack crm cannot work."""

    code = "invalid_crm_setting"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmSettings:
    """Without a `base_url` the pack opens and every call says that it is missing, for Muelle brings this pack along.

    `credential` is an id, not a secret; `timeout` is in seconds, for each call. `page_size` contacts are asked for at
    once, and no more than `max_pages` pages for one operation.
    """

    base_url: str = ""
    credential: str = "crm-key"
    timeout: float = 10.0
    page_size: int = 100
    max_pages: int = 100


def check(settings: CrmSettings) -> None:
    """Raise InvalidCrmSetting for what could not work."""
    _check_url(settings.base_url)
    if not settings.credential:
        raise InvalidCrmSetting(setting="packs.crm.credential", expected="the id of a credential")
    for name in ("timeout", "page_size", "max_pages"):
        if getattr(settings, name) <= 0:
            raise InvalidCrmSetting(setting=f"packs.crm.{name}", expected="more than 0")


def _check_url(text: str) -> None:
    url = urlsplit(text)
    if text and (url.scheme not in {"http", "https"} or not url.hostname):
        raise InvalidCrmSetting(setting="packs.crm.base_url", expected="an http or https URL")
    if url.username or url.password:
        raise InvalidCrmSetting(
            setting="packs.crm.base_url", expected="no user or password; keep it as a credential and name its id"
        )
    if url.query or url.fragment:
        raise InvalidCrmSetting(setting="packs.crm.base_url", expected="no query and no fragment")
