"""The words of the pages in both languages: headings from here, sentences of the source from `docs/es/texts.toml`."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Language = Literal["en", "es"]

HEADINGS_IN_SPANISH = {
    "Settings": "Ajustes",
    "Errors": "Errores",
    "Operations": "Operaciones",
    "Tools": "Herramientas",
    "Commands": "Órdenes",
    "HTTP": "HTTP",
    "Setting": "Ajuste",
    "Type": "Tipo",
    "Default": "Por omisión",
    "Meaning": "Significado",
    "Environment variable": "Variable de entorno",
    "Status": "Estado",
    "Category": "Categoría",
    "Trying again can help": "Reintentar puede ayudar",
    "yes": "sí",
    "no": "no",
    "required": "obligatorio",
    "What to do": "Qué hacer",
    "Field": "Campo",
    "Effects": "Efectos",
    "Permission": "Permiso",
    "Pack": "Paquete",
    "Example": "Ejemplo",
    "Argument": "Argumento",
    "Option": "Opción",
    "Request": "Petición",
    "Answers": "Respuestas",
    "depends on the config": "según la configuración",
    "Findings in documents": "Hallazgos en documentos",
}
GENERATED_NOTE = {
    "en": "<!-- Made from the source by `make reference`; changes belong there. -->",
    "es": "<!-- Hecho a partir del código con `make reference`; los cambios van allí y en docs/es/texts.toml. -->",
}


@dataclass(slots=True)
class Texts:
    """Says things in one language; `missing` collects the sentences that have no Spanish yet, and are left English."""

    language: Language
    spanish: dict[str, str]
    missing: list[str] = field(default_factory=list)

    def heading(self, words: str) -> str:
        """Return a heading or label of the pages; every one has its Spanish."""
        return words if self.language == "en" else HEADINGS_IN_SPANISH[words]

    def sentence(self, words: str) -> str:
        """Return a sentence that comes from the source."""
        if self.language == "en" or not words:
            return words
        if words not in self.spanish:
            self.missing.append(words)
        return self.spanish.get(words, words)

    def yes_or_no(self, value: object) -> str:
        """Return yes or no."""
        return self.heading("yes" if value else "no")


def texts(language: Language, root: Path) -> Texts:
    """Read what is translated."""
    table = tomllib.loads((root / "docs/es/texts.toml").read_text(encoding="utf-8"))
    return Texts(language, table["texts"])


def cell(text: str) -> str:
    """Return a text as it stands in a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ").strip()


def row(*cells: str) -> str:
    """Return one row of a table."""
    return f"| {' | '.join(cell(text) for text in cells)} |"


def table_head(*names: str) -> list[str]:
    """Return the head of a table."""
    return [row(*names), f"|{'---|' * len(names)}"]
