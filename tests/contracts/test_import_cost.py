"""Starting quickly is a feature: what the command line loads imports nothing heavy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
HEAVY = {
    *("sqlalchemy", "alembic", "fastapi", "starlette", "pydantic", "uvicorn", "aiohttp", "httpx"),
    *("prometheus_client", "rich", "structlog", "opentelemetry", "asyncpg", "redis", "grpc"),
}
ROOMS = sorted(path.parent.name for path in (ROOT / "src" / "muelle").glob("*/__init__.py"))
LIGHT = [f"muelle.{room}" for room in ROOMS if room != "doors"]  # a door is where the web framework lives
PACKS = sorted(path.parent.name for path in ROOT.glob("packs/*/src/*/__init__.py"))


@pytest.mark.parametrize("module", [*LIGHT, *PACKS])
def test_a_front_door_imports_nothing_heavy(module: str) -> None:
    program = f"import json, sys, {module}; print(json.dumps([name for name in sys.modules if '.' not in name]))"

    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=60)  # noqa: S603 - our own modules

    assert HEAVY & set(json.loads(loaded.stdout)) == set()


def test_the_client_library_loads_nothing_of_the_server() -> None:
    if not (ROOT / "src" / "muelle_client" / "__init__.py").exists():
        return
    program = "import json, sys, muelle_client; print(json.dumps(list(sys.modules)))"

    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=60)  # noqa: S603 - our own modules

    assert [name for name in json.loads(loaded.stdout) if name.split(".")[0] == "muelle"] == []
