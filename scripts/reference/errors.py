"""The page of errors: every code that an answer can carry."""

from collections.abc import Iterator

from muelle.core import MuelleError
from reference.modules import subclasses
from reference.texts import Texts


def page(texts: Texts) -> list[str]:
    """Return the lines of the page."""
    lines = [f"# {texts.heading('Errors')}", ""]
    for kind in sorted(documented_errors(), key=lambda kind: kind.code):
        lines += _entry(kind, texts)
    return lines


def documented_errors() -> Iterator[type[MuelleError]]:
    """Yield the errors that have a code of their own; the others are kinds of one that does."""
    for kind in subclasses(MuelleError):
        if "code" in vars(kind):
            yield kind


def sentence_of(kind: type[MuelleError]) -> str:
    """Return the message of an error: the first line of its docstring."""
    return (kind.__doc__ or "").strip().split("\n", 1)[0]


def _entry(kind: type[MuelleError], texts: Texts) -> list[str]:
    facts = (
        f"{texts.heading('Status')} {kind.status}",
        f"{texts.heading('Category')} `{kind.category}`",
        f"{texts.heading('Trying again can help')}: {texts.yes_or_no(kind.recoverable)}",
    )
    suggestions = [f"- {texts.heading('What to do')}: {texts.sentence(words)}" for words in kind.suggestions]
    return [
        f"## `{kind.code}`",
        "",
        texts.sentence(sentence_of(kind)),
        "",
        *(f"- {fact}" for fact in facts),
        *suggestions,
        "",
    ]
