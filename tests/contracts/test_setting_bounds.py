"""What a setting may be is known before anything starts, for a count of none can hang a start without a word."""

import pytest

from muelle.core import read_settings
from muelle.core.settings import InvalidSetting
from muelle.settings import Settings


@pytest.mark.parametrize(
    ("variable", "best", "beyond"),
    [
        ("MUELLE__STORES__READERS", "1", "0"),
        ("MUELLE__STORES__CONNECTIONS", "1", "0"),
        ("MUELLE__EGRESS__CONNECTIONS_PER_HOST", "1", "0"),
        ("MUELLE__HTTP__PORT", "65535", "65536"),
        ("MUELLE__HTTP__BODY_BYTES", "0", "-1"),
        ("MUELLE__TELEMETRY__LEVEL", "info", "loud"),
        ("MUELLE__IDENTITY__SEAL_SECONDS", "0.001", "0"),
        ("MUELLE__IDENTITY__AUDIT_DAYS", "0", "-1"),
    ],
)
def test_a_setting_is_taken_at_its_bound_and_refused_beyond(variable: str, best: str, beyond: str) -> None:
    read_settings(Settings, {}, {variable: best})
    with pytest.raises(InvalidSetting):
        read_settings(Settings, {}, {variable: beyond})
