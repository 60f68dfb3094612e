"""The outside pack is tested from its folder, as it would be installed, and a CRM answers on 127.0.0.1."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from packs.crm_server import CrmServer, open_crm_server

sys.path.insert(0, str(Path(__file__).parents[2] / "packs" / "crm" / "src"))


@pytest.fixture
async def crm_server() -> AsyncIterator[CrmServer]:
    async with open_crm_server() as server:
        yield server
