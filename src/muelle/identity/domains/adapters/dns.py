"""TXT records by DNS: asked of the system's name servers, or of those that the settings name."""

import re

from muelle.identity.errors import InvalidNameserver, RecordsUnreachable

_PORT = 53
_SERVER = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[^:\[]+))(?::(?P<port>\d{1,5}))?")


class DnsRecords:
    """Looks up TXT records; the library is loaded when the first is asked for (150 ms)."""

    def __init__(self, nameservers: str = "", seconds: float = 5.0) -> None:
        self._nameservers = nameservers
        self._seconds = seconds

    async def texts(self, name: str) -> tuple[str, ...]:
        """Return what the records of a name say, nothing if it has none; raise RecordsUnreachable if nobody knows."""
        import dns.asyncresolver  # noqa: PLC0415 - see above
        import dns.exception  # noqa: PLC0415 - as above
        import dns.resolver  # noqa: PLC0415 - as above

        resolver = dns.asyncresolver.Resolver(configure=not self._nameservers)
        for host, port in self._servers():
            resolver.nameservers = [*resolver.nameservers, host]
            resolver.nameserver_ports = {**resolver.nameserver_ports, host: port}
        try:
            answer = await resolver.resolve(name, "TXT", lifetime=self._seconds, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except (dns.exception.DNSException, OSError) as error:
            raise RecordsUnreachable(record=name, reason=type(error).__name__) from error
        return tuple(b"".join(record.strings).decode("utf-8", "replace") for record in answer)

    def _servers(self) -> list[tuple[str, int]]:
        return [_server(text.strip()) for text in self._nameservers.split(",") if text.strip()]


def _server(text: str) -> tuple[str, int]:
    """Return address and port of `1.2.3.4`, `1.2.3.4:53`, `::1` or `[::1]:53`; raise InvalidNameserver."""
    import ipaddress  # noqa: PLC0415 - loads in 3 ms

    parts = _SERVER.fullmatch(text)
    try:
        host = ipaddress.ip_address(parts["six"] or parts["four"] or text if parts else text)
        return str(host), int((parts and parts["port"]) or _PORT)
    except ValueError:
        raise InvalidNameserver(field="identity.nameservers", value=text[:100]) from None
