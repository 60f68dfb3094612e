"""What a check of `muelle doctor` finds."""

from typing import Literal

import msgspec

Status = Literal["ok", "warn", "fail"]


class Finding(msgspec.Struct, frozen=True):
    """What a check found; `remedy` is what to do, empty if nothing."""

    check: str
    status: Status
    text: str
    remedy: str = ""
