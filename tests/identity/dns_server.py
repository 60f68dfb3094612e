"""A name server on 127.0.0.1 that says what it is told to say."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """Answers for TXT records by UDP; other names do not exist."""

    records: dict[str, list[str]] = field(default_factory=dict)
    code: dns.rcode.Rcode = dns.rcode.NOERROR
    is_silent: bool = False
    port: int = 0
    asked: list[str] = field(default_factory=list)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        question = dns.message.from_wire(data)
        name = question.question[0].name
        self.asked.append(str(name))
        if self.is_silent:
            return
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        texts = self.records.get(str(name).rstrip("."))
        if self.code != dns.rcode.NOERROR or texts is None:
            answer.set_rcode(dns.rcode.NXDOMAIN if self.code == dns.rcode.NOERROR else self.code)
        elif texts:
            quoted = [" ".join(f'"{part}"' for part in (text[:200], text[200:]) if part) for text in texts]
            answer.answer = [dns.rrset.from_text(name, 60, "IN", "TXT", *quoted)]
        self.transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def open_name_server() -> AsyncIterator[NameServer]:
    """Listen on a free port."""
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        NameServer, local_addr=("127.0.0.1", 0)
    )
    server.port = transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()
