"""The page of errors: every code that an answer can carry."""

from collections.abc import Iterator

from muelle.core import MuelleError
from reference import findings
from reference.modules import subclasses
from reference.texts import Texts


def page(texts: Texts) -> list[str]:
    """Return the lines of the page."""
    lines = [f"# {texts.heading('Errors')}", ""]
    for code, kinds in sorted(by_code().items()):
        lines += _entry(code, kinds, texts)
    return lines + findings.section(texts)


def by_code() -> dict[str, list[type[MuelleError]]]:
    """Return the errors of each code: rooms that may not know each other can mean the same thing."""
    found: dict[str, list[type[MuelleError]]] = {}
    for kind in documented_errors():
        found.setdefault(kind.code, []).append(kind)
    return found


def documented_errors() -> Iterator[type[MuelleError]]:
    """Yield the errors that have a code of their own; the others are kinds of one that does."""
    for kind in subclasses(MuelleError):
        if "code" in vars(kind):
            yield kind


def sentence_of(kind: type[MuelleError]) -> str:
    """Return the message of an error: the first line of its docstring."""
    return (kind.__doc__ or "").strip().split("\n", 1)[0]


def _entry(code: str, kinds: list[type[MuelleError]], texts: Texts) -> list[str]:
    kind = kinds[0]
    facts = (
        f"{texts.heading('Status')} {kind.status}",
        f"{texts.heading('Category')} `{kind.category}`",
        f"{texts.heading('Trying again can help')}: {texts.yes_or_no(kind.recoverable)}",
    )
    sentences = dict.fromkeys(sentence_of(each) for each in kinds)
    suggestions = dict.fromkeys(words for each in kinds for words in each.suggestions)
    advice = [f"- {texts.heading('What to do')}: {texts.sentence(words)}" for words in suggestions]
    paragraphs = [line for words in sentences for line in (texts.sentence(words), "")]
    return [f"## `{code}`", "", *paragraphs, *(f"- {fact}" for fact in facts), *advice, ""]
