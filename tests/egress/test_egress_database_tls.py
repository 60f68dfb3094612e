import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from egress.egress_tls import certificate_for
from muelle.egress.adapters.postgres_queries import named_context


@asynccontextmanager
async def listening(context: ssl.SSLContext) -> AsyncIterator[int]:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.parametrize(
    ("host", "is_trusted", "fits"),
    [("db.example.com", True, True), ("other.example.com", True, False), ("db.example.com", False, False)],
)
async def test_a_certificate_is_checked_for_the_name_though_the_address_is_connected_to(
    tmp_path: Path, host: str, *, is_trusted: bool, fits: bool
) -> None:
    authority, context = certificate_for(tmp_path, "db.example.com", timedelta(hours=1))
    trusting = named_context(host, str(authority) if is_trusted else "")

    async with listening(context) as port:
        if fits:
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting)
            writer.close()
            return
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection("127.0.0.1", port, ssl=trusting)
