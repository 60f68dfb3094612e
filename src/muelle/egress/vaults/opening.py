"""The sources that the settings name."""

from collections.abc import Awaitable, Callable, Mapping

from muelle.core import Clock
from muelle.egress.errors import InvalidSources
from muelle.egress.vaults.settings import SourcesSettings
from muelle.egress.vaults.sources import EnvironmentSource, Source, Sources
from muelle.egress.wire import Answer, Request

BUILT_IN = "built-in"
_NAMES = (BUILT_IN, "environment", "hashicorp", "aws")


def open_sources(
    settings: SourcesSettings,
    send: Callable[[Request], Awaitable[Answer]],
    clock: Clock,
    environment: Mapping[str, str],
) -> Sources:
    """Return the sources beside the built-in one; raise InvalidSources for an order that cannot be."""
    for name in settings.order:
        if name not in _NAMES:
            raise InvalidSources(field="egress.sources.order", value=name[:50], allowed=list(_NAMES))
    if len(set(settings.order)) != len(settings.order) or BUILT_IN in settings.order[1:]:
        reason = "each at most once, and 'built-in' before all others or not at all"
        raise InvalidSources(field="egress.sources.order", reason=reason)
    if "hashicorp" in settings.order and not settings.hashicorp_url:
        raise InvalidSources(field="egress.sources.hashicorp_url", reason="the order names hashicorp")
    if "aws" in settings.order and not settings.aws_region:
        raise InvalidSources(field="egress.sources.aws_region", reason="the order names aws")
    others = [name for name in settings.order if name != BUILT_IN]
    return Sources([_source(name, settings, send, clock, environment) for name in others], settings, clock)


def _source(
    name: str,
    settings: SourcesSettings,
    send: Callable[[Request], Awaitable[Answer]],
    clock: Clock,
    environment: Mapping[str, str],
) -> Source:
    match name:
        case "environment":
            return EnvironmentSource(environment, settings.environment_prefix)
        case "hashicorp":
            from muelle.egress.vaults.hashicorp import HashicorpSource  # noqa: PLC0415 - where it is named alone

            return HashicorpSource(settings, send)
    from muelle.egress.vaults.aws import AwsSource  # noqa: PLC0415 - as above

    return AwsSource(settings, send, clock)
