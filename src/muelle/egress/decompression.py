"""Answers decompressed while they come in, never past the limit: a bomb costs one chunk. Pure."""

import zlib

from muelle.egress.errors import AnswerBroken, AnswerTooLarge

ACCEPTED = "gzip, deflate"

_GZIP = 16 + zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS
_ZLIB_METHOD = 8  # RFC 1950, section 2.2
_ZLIB_CHECK = 31
_MAX_MEMBERS = 1000  # of one gzip stream; an empty member costs twenty bytes and some work


class Body:
    """Collects an answer's body, at most `limit` bytes of it decompressed; raises AnswerTooLarge or AnswerBroken."""

    def __init__(self, encoding: str, limit: int, host: str) -> None:
        self._host = host
        self._limit = limit
        self._whole = bytearray()
        self._members = 1
        self._is_fed = False
        self._encoding = encoding.strip().lower().removeprefix("x-")
        if self._encoding not in {"", "identity", "gzip", "deflate"}:
            raise AnswerBroken(host=host, reason="an encoding that was not asked for", encoding=encoding[:50])
        self._stream = zlib.decompressobj(_GZIP) if self._encoding == "gzip" else None

    @property
    def is_compressed(self) -> bool:
        """Whether what comes in is smaller than what it becomes."""
        return self._encoding in {"gzip", "deflate"}

    def feed(self, chunk: bytes) -> None:
        """Take the next chunk."""
        self._is_fed = True
        if not self.is_compressed:
            self._append(chunk)
            return
        if self._stream is None:
            self._stream = zlib.decompressobj(_deflate_bits(chunk))
        try:
            self._inflate(chunk)
        except zlib.error:
            raise AnswerBroken(host=self._host, reason="damaged compression") from None

    def _inflate(self, chunk: bytes) -> None:
        while chunk and self._stream is not None:
            if self._stream.eof:
                self._next_member()
            self._append(self._stream.decompress(chunk, self._limit - len(self._whole) + 1))
            chunk = self._stream.unconsumed_tail or self._stream.unused_data

    def _next_member(self) -> None:
        self._members += 1
        if self._encoding != "gzip" or self._members > _MAX_MEMBERS:
            raise AnswerBroken(host=self._host, reason="data after the end of the compression")
        self._stream = zlib.decompressobj(_GZIP)

    def _append(self, part: bytes) -> None:
        if len(self._whole) + len(part) > self._limit:
            raise AnswerTooLarge(host=self._host, limit=self._limit)
        self._whole += part

    def whole(self) -> bytes:
        """Return the body; raise AnswerBroken if compressed data has no end."""
        if self._is_fed and self._stream is not None and not self._stream.eof:
            raise AnswerBroken(host=self._host, reason="cut off")
        return bytes(self._whole)


def _deflate_bits(chunk: bytes) -> int:
    """Tell zlib's format, which the RFC means by deflate, from the raw one that some servers send."""
    is_zlib = chunk[0] & 0x0F == _ZLIB_METHOD and int.from_bytes(chunk[:2].ljust(2, b"\0")) % _ZLIB_CHECK == 0
    return zlib.MAX_WBITS if is_zlib else _RAW
