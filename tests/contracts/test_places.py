"""The web framework, SQL and vendors' clients have their places, and stay there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "src" / "muelle"
FILES = sorted(SOURCE.rglob("*.py"))

WEB = {"fastapi", "starlette", "strawberry", "uvicorn", "httptools"}
DATABASES = {"sqlalchemy", "alembic", "sqlite3", "asyncpg", "psycopg"}
VENDORS = {"aiohttp", "httpx", "redis", "obstore", "aiodocker", "kubernetes_asyncio", "grpc", "hvac", "boto3", "nats"}
TELEMETRY = {"opentelemetry", "prometheus_client"}
SQL = re.compile(r"\s*(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+TABLE)\s", re.DOTALL)

WHERE_SQL_MAY_BE = ("store.py", "adapters/", "migrations/", "stores/")  # the whole room of stores is one store
WHERE_TELEMETRY_MAY_BE = ("adapters/", "core/tracing.py", "core/prometheus.py")  # core has no folder of adapters


def place(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def is_in(path: Path, places: tuple[str, ...]) -> bool:
    return any(f"/{part}" in f"/{place(path)}" for part in places)


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def modules_of_muelle(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        yield from (name for name in names if name.partition(".")[0] == "muelle")


def importers(packages: set[str], places: tuple[str, ...]) -> list[str]:
    return [
        f"{place(path)} imports {name}"
        for path in FILES
        if not is_in(path, places)
        for name in sorted(packages & set(imports(ast.parse(path.read_text()))))
    ]


def statements(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value):
            yield f"{place(path)}:{node.lineno}"


def test_only_routes_and_doors_know_the_web_framework() -> None:
    assert importers(WEB, ("routes.py", "doors/")) == []


def test_only_stores_know_the_database() -> None:
    assert importers(DATABASES, WHERE_SQL_MAY_BE) == []


def test_sql_is_written_only_in_stores() -> None:
    assert [found for path in FILES if not is_in(path, WHERE_SQL_MAY_BE) for found in statements(path)] == []


def test_only_adapters_know_the_clients_of_vendors() -> None:
    assert importers(VENDORS, ("adapters/",)) == []


def test_only_telemetry_knows_its_libraries() -> None:
    assert importers(TELEMETRY, WHERE_TELEMETRY_MAY_BE) == []


def test_a_pack_sees_of_muelle_only_its_door_for_packs() -> None:
    inside = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted(ROOT.glob("packs/*/src/**/*.py"))
        for name in modules_of_muelle(ast.parse(path.read_text()))
        if name != "muelle.packs"
    ]

    assert inside == []


@pytest.mark.parametrize("text", ["SELECT a FROM b WHERE c", "INSERT INTO a VALUES (1)", "UPDATE a SET b = 1"])
def test_a_statement_is_recognised(text: str) -> None:
    assert SQL.match(text)


@pytest.mark.parametrize("text", ["Select an agent from the list.", "UPDATE the page", "Creates a table."])
def test_a_sentence_is_no_statement(text: str) -> None:
    assert not SQL.match(text)
