"""What can be wrong with documents."""

from muelle.core import Invalid, NotFound, TooLarge, Unavailable


class InvalidDocumentation(Invalid):
    """That is no document that a knowledge base takes."""

    code = "invalid_knowledge"
    suggestions = ("Hand in text, Markdown, a table in CSV, or a PDF that has text in it, and say which it is.",)


class DocumentationTooLarge(TooLarge):
    """The document is larger than allowed."""

    code = "knowledge_too_large"
    suggestions = ("Divide it, or ask an operator to raise the setting that the error names.",)


class TooManyDocuments(TooLarge):
    """There are as many documents as there may be."""

    code = "too_many_documents"
    suggestions = ("Remove some, or ask an operator to raise the setting that the error names.",)


class DocumentNotFound(NotFound):
    """There is no such document, or you may not see it."""

    code = "document_not_found"


class PdfNotReadable(Unavailable):
    """PDF cannot be read here."""

    code = "pdf_not_readable"
    recoverable = False
    suggestions = ("Install 'muelle[search]', or hand the document in as text.",)
