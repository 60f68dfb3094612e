"""Knowledge bases: documents, cut into parts that are found by words and by meaning."""

from muelle.memory.knowledge.model import Base, Document, Draft, Part
from muelle.memory.knowledge.service import Knowledge

__all__ = ["Base", "Document", "Draft", "Knowledge", "Part"]
