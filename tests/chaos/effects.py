"""A real HTTP server, in a process of its own, that counts what is done to it: `python -m chaos.effects SEED FILE`.

`POST /steady/TICKET/EFFECT` has an effect and is at times slow. `/flaky/…` is a worse API: it also answers 503, and
hangs up before or after the effect. Each effect is a line in FILE as well. It prints its port.
"""

import asyncio
import sys
from pathlib import Path
from random import Random
from typing import TextIO, cast

import httptools
import msgspec

from chaos.ledger import Ledger, tallied

FLAKY = "flaky"
_SLOW = 0.02
_REFUSED, _UNHEARD, _UNTOLD = 0.04, 0.06, 0.08  # bounds of the chances to answer 503, hang up before, hang up after
_SLOWEST = 0.3
_JSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
_UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n"
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


class World:
    """What all connections share."""

    def __init__(self, chance: Random, file: TextIO) -> None:
        self.chance = chance
        self.ledger = Ledger()
        self._file = file

    def note(self, at: float, where: tuple[str, str], key: str, body: bytes) -> int:
        """Count an effect and write it down; return its receipt."""
        seen = self.ledger.note(at, where, key, body)
        self._file.write(f"{at:.4f}\t{seen.ticket}\t{seen.effect}\t{key}\t{seen.receipt}\t{seen.times}\n")
        return seen.receipt


class Connection(asyncio.Protocol):
    """One connection, on which a request comes after the other."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._url = self._key = ""
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its type

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._url, self._key, self._body = url.decode(), "", b""

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"idempotency-key":
            self._key = value.decode()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        match self._url.strip("/").split("/"):
            case [manner, ticket, effect]:
                self._effect(manner, (ticket, effect))
            case ["report"]:
                self._json(msgspec.json.encode(self._world.ledger.sightings()))
            case ["tally"]:
                self._json(msgspec.json.encode(tallied(self._world.ledger)))
            case _:
                self._send(_NOT_FOUND)

    def _effect(self, manner: str, where: tuple[str, str]) -> None:
        fate = self._world.chance.random() if manner == FLAKY else 1.0
        if fate < _REFUSED:
            self._send(_UNAVAILABLE)
        elif fate < _UNHEARD:
            self._hang_up()
        else:
            receipt = self._world.note(self._loop.time(), where, self._key, self._body)
            if fate < _UNTOLD:
                self._hang_up()
            else:
                self._tell(receipt)

    def _tell(self, receipt: int) -> None:
        answer = msgspec.json.encode({"receipt": receipt})
        if self._world.chance.random() < _SLOW:
            self._loop.call_later(self._world.chance.uniform(0, _SLOWEST), self._json, answer)
        else:
            self._json(answer)

    def _json(self, body: bytes) -> None:
        self._send(_JSON % (len(body), body))

    def _send(self, answer: bytes) -> None:
        assert self._transport
        if not self._transport.is_closing():  # whoever asked may have died meanwhile
            self._transport.write(answer)

    def _hang_up(self) -> None:
        assert self._transport
        self._transport.abort()


async def serve(seed: int, file: TextIO) -> None:
    """Serve until the process is ended."""
    world = World(Random(seed), file)  # noqa: S311 - faults that can be repeated
    server = await asyncio.get_running_loop().create_server(lambda: Connection(world), "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Serve with the seed and the file that the command names."""
    with Path(sys.argv[2]).open("a", encoding="utf-8", buffering=1) as file:
        try:
            import uvloop  # noqa: PLC0415 - not on Windows
        except ImportError:
            asyncio.run(serve(int(sys.argv[1]), file))
        else:
            uvloop.run(serve(int(sys.argv[1]), file))


if __name__ == "__main__":
    main()
