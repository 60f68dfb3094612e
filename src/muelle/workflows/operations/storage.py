"""StoreData and LoadData: what lasts beyond the step."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta

from muelle.packs import Json, OperationType, ReadPath, Space, Step, WritePath
from muelle.workflows.operations.errors import InvalidStorageKey, NothingStored, UnreadableContent, WrongInput
from muelle.workflows.operations.literals import literal_text
from muelle.workflows.operations.texts import text_of

RESERVED: Final = ".muelle"
_KEY: Final = re.compile(r"[A-Za-z0-9._/-]{1,512}")
_TYPES: Final = {
    "json": "application/json",
    "string": "text/plain; charset=utf-8",
    "binary": "application/octet-stream",
}
StorageSpace = Annotated[
    Space,
    Meta(
        description=(
            "Where: file or database: the tenant's, beyond the run. localStorage or indexedDB: the agent's own, "
            "beyond the "
            "run. sessionStorage: this run's."
        )
    ),
]
Key = Annotated[
    str,
    Meta(description="Name of the value: 1 to 512 letters, digits, '.', '_', '-' and '/', such as 'reports/2026-01'."),
]
Format = Literal["json", "string", "binary"]


class StoreData(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Keep a value under a key, replacing what was there."""

    input_path: Annotated[ReadPath, Meta(description="Path of the value to store.")]
    storage: StorageSpace
    key: Key
    format: Annotated[
        Format,
        Meta(description="json (the default): any value. string: its text. binary: the bytes of a base64 text."),
    ] = "json"


async def store_data(config: StoreData, step: Step[Any]) -> Json:
    """Return {storage, key, bytes}."""
    key = valid_key(config.key)
    content = _encode(step.read(config.input_path), config.format)
    await step.storage.put(config.storage, key, content, _TYPES[config.format])
    return {"storage": config.storage, "key": key, "bytes": len(content)}


def valid_key(key: str) -> str:
    """Return the key; raise InvalidStorageKey if it could name something else than a value of its own space."""
    parts = key.split("/")
    if not _KEY.fullmatch(key) or parts[0] == RESERVED or not {"", ".", ".."}.isdisjoint(parts):
        raise InvalidStorageKey(key=key[:100])
    return key


def _encode(value: Json, style: str) -> bytes:
    if style == "json":
        return msgspec.json.encode(value)
    if style == "string":
        return (text_of(value) if not isinstance(value, dict | list) else msgspec.json.encode(value).decode()).encode()
    if not isinstance(value, str):
        raise WrongInput("The format 'binary' needs base64 text")
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as fault:
        raise WrongInput(f"The format 'binary' needs base64 text: {fault}") from None


class LoadData(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Read a value that StoreData has kept."""

    storage: StorageSpace
    key: Key
    format: Annotated[
        Format | None,
        Meta(description="How to read it: json, string, or binary as base64 text; as it was stored, if absent."),
    ] = None
    default: Annotated[
        Any, Meta(description="Value to use if nothing is stored under the key; without it that fails.")
    ] = UNSET
    output_path: Annotated[WritePath, Meta(description="Path that receives the value.")]


async def load_data(config: LoadData, step: Step[Any]) -> Json:
    """Return the stored value, or the default; raise NothingStored if there is neither."""
    found = await step.storage.get(config.storage, valid_key(config.key))
    if found is not None:
        return _decode(*found, config.format)
    if config.default is UNSET:
        raise NothingStored(storage=config.storage, key=config.key)
    return config.default


def _decode(content: bytes, content_type: str, style: str | None) -> Json:
    style = style or next((name for name, kind in _TYPES.items() if kind == content_type), "binary")
    try:
        if style == "json":
            return msgspec.json.decode(content)
        return base64.b64encode(content).decode("ascii") if style == "binary" else content.decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise UnreadableContent(format=style, reason=str(fault)[:200]) from None


def check_key(config: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Find a key that is not allowed."""
    key = literal_text(config, "key")
    try:
        if key is not None:
            valid_key(key)
    except InvalidStorageKey as fault:
        return [("/key", fault.message)]
    return []


STORE_DATA = OperationType(
    name="StoreData",
    summary="Keep a value beyond this step, under a key.",
    config=StoreData,
    perform=store_data,
    effects="writes",
    check=check_key,
    example={"inputPath": "/workflow/report", "storage": "file", "key": "reports/2026-01.json"},
)
LOAD_DATA = OperationType(
    name="LoadData",
    summary="Read a value that was stored under a key.",
    config=LoadData,
    perform=load_data,
    effects="reads",
    check=check_key,
    example={
        "storage": "file",
        "key": "reports/2026-01.json",
        "default": None,
        "outputPath": "/workflow/report",
    },
)
