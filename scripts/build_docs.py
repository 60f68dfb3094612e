"""Build the user's guide into site/: English in site/en, Spanish in site/es, each with a link to the other.

Every page has to be there in both languages, and a broken link is an error. `--check` builds into a folder that is
thrown away.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENTRANCE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Muelle</title>
<script>location.replace(navigator.language.startsWith("es") ? "es/index.html" : "en/index.html")</script>
<p><a href="en/index.html">English</a> · <a href="es/index.html">Español</a></p></html>
"""


def unpaired(docs: Path) -> list[str]:
    """Return the pages that are there in one language only."""
    pages = {
        language: {path.relative_to(docs / language) for path in (docs / language).rglob("*.md")}
        for language in ("en", "es")
    }
    return sorted(str(page) for page in pages["en"] ^ pages["es"])


def build(docs: Path, site: Path) -> None:
    """Build both languages from `docs` into `site`; raise CalledProcessError if a link is broken.

    The work is done in a folder of its own, for the builder wants the site inside the project and keeps a cache there.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(docs, Path(folder) / "docs"))
        for language in ("en", "es"):
            command = (Path(sys.executable).parent / "zensical", "build", "--strict", "--clean")
            subprocess.run([*command, "--config-file", copy / f"{language}.toml"], check=True, cwd=copy)
        shutil.rmtree(site, ignore_errors=True)
        shutil.copytree(copy / "site", site)
    (site / "index.html").write_text(ENTRANCE, encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Build, and return 1 if a page has no counterpart."""
    lonely = unpaired(ROOT / "docs")
    for page in lonely:
        print(f"docs: {page} is there in one language only")
    if "--check" in arguments:
        with tempfile.TemporaryDirectory() as folder:
            build(ROOT / "docs", Path(folder) / "site")
    else:
        build(ROOT / "docs", ROOT / "site")
        print("The guide is in site/index.html")
    return int(bool(lonely))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
