"""What can be set about the journal."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """How the journal keeps what is large."""

    compress_bytes: int = 32 << 10  # inputs, documents, outputs and errors beyond this are compressed
    blob_bytes: int = 1 << 20  # and beyond this are kept as blobs, outside the database
