"""Settings of the room."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySettings:
    """How things are found, and how much knowledge is kept."""

    meanings: Literal["auto", "off"] = "auto"  # whether meanings are compared, too, where the extra `search` is there
    exact_below: Annotated[int, Meta(ge=0, le=100_000)] = 2_000  # so many vectors are compared one by one
    nearness: Annotated[float, Meta(ge=0, le=1)] = 0.1  # how alike in meaning an answer must be, if no word of it fits
    max_documents: Annotated[int, Meta(ge=0, le=1_000_000)] = 10_000  # of a tenant's knowledge bases
    max_document_bytes: Annotated[int, Meta(ge=1, le=256 << 20)] = 10 << 20  # of one document as it is handed in
