"""EncodeDecode: base64, percent-encoding and HTML entities."""

import base64
import binascii
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote, unquote

import msgspec
from msgspec import Meta

from muelle.packs import Json, OperationType, ReadPath, Step, WritePath
from muelle.workflows.operations.errors import WrongInput
from muelle.workflows.operations.texts import bounded, text_of


class EncodeDecode(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Encode or decode text."""

    input_path: Annotated[
        ReadPath, Meta(description="Path of the text; other values are taken as Python's str() writes them, as in A2E.")
    ]
    operation: Annotated[Literal["encode", "decode"], Meta(description="Which way.")]
    encoding: Annotated[
        Literal["base64", "url", "html"],
        Meta(
            description=(
                "base64: of the UTF-8 text; decoding skips characters outside of the alphabet. url: percent-encoding, "
                "where '/' stays and '+' is no space. html: & < > and quotes."
            )
        ),
    ]
    output_path: Annotated[WritePath, Meta(description="Path that receives the text.")]


def _to_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _from_base64(text: str) -> str:
    try:
        return base64.b64decode(text.encode()).decode()
    except (binascii.Error, UnicodeDecodeError) as fault:
        raise WrongInput(f"Invalid base64 data: {fault}") from None


def _to_html(text: str) -> str:
    import html  # noqa: PLC0415 - 6 ms for a table of entities that few runs need

    return html.escape(text)


def _from_html(text: str) -> str:
    import html  # noqa: PLC0415 - as above

    return html.unescape(text)


_CODECS: Final[dict[tuple[str, str], Callable[[str], str]]] = {
    ("base64", "encode"): _to_base64,
    ("base64", "decode"): _from_base64,
    ("url", "encode"): quote,
    ("url", "decode"): unquote,
    ("html", "encode"): _to_html,
    ("html", "decode"): _from_html,
}


def encode_decode(config: EncodeDecode, step: Step[Any]) -> Json:
    """Return the encoded or decoded text."""
    text = text_of(step.read(config.input_path))
    return bounded(_CODECS[config.encoding, config.operation](text), step.limits)


ENCODE_DECODE = OperationType(
    name="EncodeDecode",
    summary="Encode or decode text as base64, in a URL, or in HTML.",
    config=EncodeDecode,
    perform=encode_decode,
    example={
        "inputPath": "/workflow/text",
        "operation": "encode",
        "encoding": "base64",
        "outputPath": "/workflow/encoded",
    },
)
