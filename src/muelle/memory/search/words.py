"""Words as they are indexed and asked for: the same on every database, with plurals and accents taken off."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from muelle.core import TenantId

MOST_WORDS = 16  # of a query
LONGEST_WORD = 40

_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_HISSING = ("ses", "xes", "zes", "ches", "shes")
_SHORTEST_PLURAL = 4
_SAY_NOTHING = """
    a an the of in on at to for from with and or by is are be as it its this that how do does can i my me we you
    what which who when where all any el la lo los las un una unos unas de del en y o u al con por para que se su
    sus es son como mi tu cual
"""
_STOP = frozenset(_SAY_NOTHING.split())


def words(text: str) -> list[str]:
    """Return the words of a text in their order: lower case, without accents and plurals; `listOrders` is two."""
    text = _CAMEL.sub(" ", text)
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text)
        text = "".join(part for part in parts if not unicodedata.combining(part))
    return [singular(word[:LONGEST_WORD]) for word in _WORD.findall(text.lower())]


@lru_cache(maxsize=50_000)
def singular(word: str) -> str:
    """Return a word without the plural's ending, as English and Spanish have it; what it is does not matter."""
    if len(word) < _SHORTEST_PLURAL or word.endswith(("ss", "us", "is")) or not word.endswith("s"):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-2] if word.endswith(_HISSING) else word[:-1]


def asked(query: str) -> list[str]:
    """Return the words that a query is about, each once; those that say nothing only if there are no others."""
    found = list(dict.fromkeys(words(query)))
    telling = [word for word in found if word not in _STOP]
    return (telling or found)[:MOST_WORDS]


@lru_cache(maxsize=10_000)
def tag(tenant: TenantId) -> str:
    """Return what stands before each word of a tenant, so that nobody's words are looked through but its own."""
    return f"t{hashlib.sha256(tenant.encode()).hexdigest()[:12]}q"


def tagged(tenant: TenantId, found: Sequence[str]) -> str:
    """Return words as one text that a full-text index takes apart again, each a tenant's own."""
    begin = tag(tenant)
    return " ".join(begin + word for word in found)
