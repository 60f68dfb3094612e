"""Write the reference pages of the guide, in English and Spanish, from what the source declares.

A sentence of the source that has no Spanish in `docs/es/texts.toml` stands in English on the Spanish page; how many do
may only shrink. `--check` writes nothing and fails if a page is not what the source would make it.
"""

import json
import sys
from collections.abc import Callable, Mapping

from reference import commands, errors, operations, routes, settings
from reference.modules import ROOT
from reference.texts import GENERATED_NOTE, Language, Texts, texts

LANGUAGES: tuple[Language, ...] = ("en", "es")
PAGES: Mapping[str, Callable[[Texts], list[str]]] = {
    "commands": commands.page,
    "errors": errors.page,
    "http": routes.page,
    "operations": operations.page,
    "settings": settings.page,
}


def pages() -> dict[str, str]:
    """Return every page by its path from the root, and the sentences without Spanish by `missing`."""
    return _pages()[0]


def untranslated() -> list[str]:
    """Return the sentences that have no Spanish yet, each once."""
    return _pages()[1]


def main(arguments: list[str]) -> int:
    """Write the pages, or check them; return how many are out of date and sentences untranslated."""
    made, missing = _pages()
    stale = [path for path, text in made.items() if not _is_written(path, text)]
    if "--check" not in arguments:
        for path in stale:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(made[path], encoding="utf-8")
            print(f"wrote {path}")
        stale = []
    for path in stale:
        print(f"{path}: out of date; run: make reference")
    print(f"{len(missing)} sentences without Spanish{'' if '--missing' in arguments else '; --missing lists them'}")
    if "--missing" in arguments:
        print("\n".join(f'{json.dumps(words, ensure_ascii=False)} = ""' for words in missing))
    return len(stale)


def _pages() -> tuple[dict[str, str], list[str]]:
    made: dict[str, str] = {}
    missing: dict[str, None] = {}
    for language in LANGUAGES:
        for name, page in PAGES.items():
            words = texts(language, ROOT)
            lines = [*GENERATED_NOTE[language].split("\n"), "", *page(words)]
            made[f"docs/{language}/reference/{name}.md"] = "\n".join(lines).rstrip("\n") + "\n"
            missing |= dict.fromkeys(words.missing)
    return made, list(missing)


def _is_written(path: str, text: str) -> bool:
    return (ROOT / path).is_file() and (ROOT / path).read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
