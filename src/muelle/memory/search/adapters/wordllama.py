"""Meanings of texts by WordLlama: static vectors, whose weights come with its wheel. Nothing is fetched."""

import asyncio
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

_DIMENSIONS = 256
_INLINE = 8  # texts that are quicker embedded than handed to a thread


class WordLlamaEmbedder:
    """An Embedder with 256 dimensions. Weights are loaded when the first text comes: 0.3 s and 16 MB."""

    name = "wordllama-256"
    dimensions = _DIMENSIONS

    @cached_property
    def _model(self) -> Any:  # noqa: ANN401 - it ships no types
        import wordllama  # noqa: PLC0415 - 20 MB, which who never searches does not pay for

        # The tokenizer lies in the wheel, too, but is only looked for in the folder for what was fetched.
        folder = Path(wordllama.__file__).parent
        return wordllama.WordLlama.load(dim=_DIMENSIONS, cache_dir=folder, disable_download=True)

    async def embed(self, texts: Sequence[str]) -> Any:  # noqa: ANN401 - a matrix of NumPy
        """Return a matrix with a row for each text."""
        if len(texts) <= _INLINE:
            return self._embedded(texts)
        return await asyncio.to_thread(self._embedded, texts)

    def _embedded(self, texts: Sequence[str]) -> Any:  # noqa: ANN401 - as above
        return self._model.embed([text or " " for text in texts], norm=True)
