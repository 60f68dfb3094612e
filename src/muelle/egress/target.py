"""Where a call goes: a URL read once, strictly, into parts that mean the same to us and to the server that gets it.

What is authorised is what is sent: `Target.url` is built from the normalised parts, never from the text that came in.
"""

import re
import socket
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import quote, unquote

from muelle.egress.errors import InvalidUrl

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL = 16 << 10
_MAX_HOST = 253  # RFC 1035, section 2.3.4
_MAX_PORT = 65535
_MAX_DECODINGS = 4  # nobody encodes a path more often than this without wanting to hide something

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.DOTALL)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9._~!$&'()*+,=:@-]*)+/?|/")
_PLAIN_QUERY = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_KEPT = "%!$&'()*+,;=:@/?"


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in parts: `host` in lower case without brackets, `path` normalised, `query` without its `?`.

    `reading` is the path as a server may see it that decodes escaped slashes and drops `;parameters`.
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str
    reading: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What two targets share if they are the same server."""
        return self.scheme, self.host, self.port

    @property
    def bracketed(self) -> str:
        """The host as it stands in a URL."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def is_default_port(self) -> bool:
        """Whether the port is the scheme's own."""
        return self.port == DEFAULT_PORTS[self.scheme]

    @property
    def place(self) -> str:
        """The host, with its port unless that is the scheme's own: what a grant names."""
        return self.bracketed if self.is_default_port else f"{self.bracketed}:{self.port}"

    @property
    def url(self) -> str:
        """The whole URL; the query may hold secrets."""
        tail = f"?{self.query}" if self.query else ""
        return f"{self.scheme}://{self.place}{self.path}{tail}"


@lru_cache(maxsize=512)
def read_target(url: str) -> Target:
    """Read an absolute URL; raise InvalidUrl with a reason and without the URL, which may hold secrets."""
    checked_text(url)
    parts = _URL.fullmatch(url)
    if parts is None:
        raise InvalidUrl(field="url", reason="not absolute")
    scheme = parts[1].lower()
    if scheme not in DEFAULT_PORTS:
        raise InvalidUrl(field="url", reason="scheme is neither http nor https", scheme=scheme[:20])
    host, port = _authority(parts[2], DEFAULT_PORTS[scheme])
    path, reading = normal_path(parts[3])
    return Target(scheme, host, port, path, normal_query(parts[4] or ""), reading)


def checked_text(url: str) -> None:
    """Raise InvalidUrl for a text that parsers of URLs read differently, or that is too long."""
    if len(url) > MAX_URL:
        raise InvalidUrl(field="url", reason=f"longer than {MAX_URL} characters")
    if _UNSAFE.search(url):
        raise InvalidUrl(field="url", reason="control character or backslash")


def _authority(text: str, default_port: int) -> tuple[str, int]:
    if "@" in text:
        raise InvalidUrl(field="url", reason="user name or password in the URL")
    bracketed = text.startswith("[")
    host, found, port = text.rpartition("]" if bracketed else ":")
    if bracketed:
        if port and not port.startswith(":"):
            raise InvalidUrl(field="url", reason="bad port")
        return _ipv6(host[1:]), _port(port[1:], default_port)
    if not found:
        host, port = text, ""
    return normal_host(host), _port(port, default_port)


def _port(text: str, default: int) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= len("65535") and 0 < int(text) <= _MAX_PORT):
        raise InvalidUrl(field="url", reason="bad port")
    return int(text)


def _ipv6(text: str) -> str:
    if "%" in text:
        raise InvalidUrl(field="url", reason="an address with a zone")
    try:
        return str(IPv6Address(text))
    except ValueError:
        raise InvalidUrl(field="url", reason="not an IPv6 address") from None


def normal_host(text: str) -> str:
    """Return a name in lower-case ASCII without its last dot, or an IPv4 address in four decimal parts."""
    host = text.lower() if text.isascii() else _ascii(text)
    host = host.removesuffix(".")
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(host)
    if len(host) > _MAX_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidUrl(field="url", reason="not a host")
    return host


def _ascii(text: str) -> str:
    import idna  # noqa: PLC0415 - 20 ms that only names beyond ASCII cost

    try:
        return idna.encode(text, uts46=True).decode().lower()
    except (idna.IDNAError, UnicodeError):
        raise InvalidUrl(field="url", reason="not a host") from None


def _ipv4(text: str) -> str:
    """Read all that a system's resolver would: `127.1`, `0177.0.0.1`, `0x7f000001`, `2130706433`."""
    try:
        return socket.inet_ntoa(socket.inet_aton(text))
    except (OSError, UnicodeError):
        raise InvalidUrl(field="url", reason="not an IPv4 address") from None


def normal_path(text: str) -> tuple[str, str]:
    """Return the path as it is sent and as a lenient server may read it; raise InvalidUrl if it climbs in disguise."""
    if _PLAIN_PATH.fullmatch(text):
        return text, text
    path = _without_dots(_escaped(text))
    return path, _reading(path)


def normal_query(text: str) -> str:
    """Return the query with everything escaped that must be."""
    return text if _PLAIN_QUERY.fullmatch(text) else _escaped(text)


def _escaped(text: str) -> str:
    """Escape what must be, unescape what need not be, write escapes in upper case (RFC 3986, section 6.2.2)."""
    try:
        return quote(_ESCAPE.sub(_escape, text), safe=_KEPT)
    except UnicodeError:
        raise InvalidUrl(field="url", reason="not text") from None


def _escape(found: re.Match[str]) -> str:
    if found[1] is None:
        return "%25"
    code = int(found[1], 16)
    return chr(code) if code in _UNRESERVED else found[0].upper()


def _without_dots(path: str) -> str:
    """Resolve `.` and `..` and drop empty segments (RFC 3986, section 5.2.4, and double slashes with it)."""
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment not in {"", "."}:
            kept.append(segment)
    ending = "/" if kept and segments[-1] in {"", ".", ".."} else ""
    return f"/{'/'.join(kept)}{ending}"


def _reading(path: str) -> str:
    """Decode as often as a chain of servers may; whatever then would climb or holds a control character is refused."""
    text = path
    for _ in range(_MAX_DECODINGS):
        segments = [segment.split(";", 1)[0] for segment in re.split(r"[/\\]", text)]
        if ".." in segments or "." in segments or _UNSAFE.search(text.replace("\\", "")):
            raise InvalidUrl(field="url", reason="hidden dot segment or control character in the path")
        decoded = unquote(text)
        if decoded == text:
            return _without_dots("/".join(segments))
        text = decoded
    raise InvalidUrl(field="url", reason="path encoded too often")
