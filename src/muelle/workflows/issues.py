"""Findings about a document: what is wrong, where, and what to do instead."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any, Literal

import msgspec

from muelle.core import Invalid

Severity = Literal["error", "warning"]
MOST_ISSUES = 100  # of one document: nobody reads more, and finding suggestions for each would take long
_LONGEST_WORD = 100
_MOST_CANDIDATES = 200  # some 4 ms of comparing


class Issue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One finding. `path` is a JSON pointer into the operation's config, or into the message if there is none."""

    code: str
    message: str
    severity: Severity = "error"
    operation_id: str | None = None
    path: str | None = None
    suggestion: str | None = None


class InvalidDocument(Invalid):
    """Workflow validation failed."""

    code = "invalid_document"
    suggestions = ("Correct what each issue names and send the document again; 'validate' checks without running.",)

    def __init__(self, issues: Sequence[Issue], /) -> None:
        self.issues = tuple(issues)
        errors = [issue for issue in issues if issue.severity == "error"]
        first = errors[0].message if errors else self._sentence()
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(f"{self._sentence().rstrip('.')}: {first}{more}", issues=[as_dict(issue) for issue in issues])


def as_dict(issue: Issue) -> dict[str, Any]:
    """Return an issue as it stands in answers; the severity is always there."""
    return {"severity": issue.severity, **msgspec.to_builtins(issue)}


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return a suggestion that names the known word nearest to `word`, or None if none is near."""
    candidates = list(islice(known, _MOST_CANDIDATES))
    word = word[:_LONGEST_WORD]
    close = get_close_matches(word, candidates, n=1) or get_close_matches(
        word.lower(), [candidate.lower() for candidate in candidates], n=1
    )
    if not close:
        return None
    original = next(candidate for candidate in candidates if candidate.lower() == close[0].lower())
    return f"Did you mean '{original}'?"


def pointer(segments: Iterable[str | int]) -> str:
    """Return a JSON pointer (RFC 6901) for segments."""
    return "".join(f"/{str(segment).replace('~', '~0').replace('/', '~1')}" for segment in segments)
