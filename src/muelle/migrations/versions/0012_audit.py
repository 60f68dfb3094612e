"""Roles, domains, and the chain of the audit record.

An act's `place` orders acts by commit; below the ledger's `until` all are sealed. On SQLite the place is the row's
number, for there is one writer. On PostgreSQL it is the number of the transaction, so that nothing can still appear
below the oldest open one; what was there before is numbered, and they begin after it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_ACT = "id, tenant, principal, action, resource, decision, at, request, detail"
_SHIFT = """
DO $$ DECLARE rows BIGINT; BEGIN
SELECT count(*) INTO rows FROM identity_acts;
UPDATE identity_ledger SET shift = rows;
EXECUTE 'ALTER TABLE identity_acts ALTER place SET DEFAULT CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT) + '
|| rows;
END $$"""


def upgrade() -> None:
    """Create roles and domains; give acts their places, and create what seals them."""
    _roles()
    _seals()
    if op.get_context().dialect.name == "sqlite":
        _anew("rowid", sa.Column("place", sa.Integer, primary_key=True), sa.UniqueConstraint("tenant", "at", "id"))
        return
    op.execute("ALTER TABLE identity_acts ADD COLUMN place BIGINT NOT NULL DEFAULT 0")
    op.execute(
        "UPDATE identity_acts SET place = n.place FROM (SELECT tenant, at, id, row_number() OVER (ORDER BY at, id)"
        " AS place FROM identity_acts) n WHERE (n.tenant, n.at, n.id) ="
        " (identity_acts.tenant, identity_acts.at, identity_acts.id)"
    )
    op.execute(_SHIFT)
    op.create_index("identity_acts_place", "identity_acts", ["place"])


def downgrade() -> None:
    """Take roles, domains and the chain away; the acts stay."""
    for table in ("ledger", "cuts", "seals", "domains", "members", "roles"):
        op.drop_table(f"identity_{table}")
    if op.get_context().dialect.name == "sqlite":
        _anew("place", sa.PrimaryKeyConstraint("tenant", "at", "id"))
        return
    op.drop_index("identity_acts_place")
    op.drop_column("identity_acts", "place")


def _roles() -> None:
    op.create_table(
        "identity_roles",
        sa.Column("tenant", sa.String(100), primary_key=True),
        sa.Column("id", sa.String(100), primary_key=True),  # its name
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("rules", sa.Text, nullable=False),  # JSON: pairs of scope and pattern
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "identity_members",
        sa.Column("tenant", sa.String(100), primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),  # principal/role
        sa.Column("principal", sa.String(100), nullable=False),
        sa.Column("role", sa.String(100), nullable=False),
    )
    op.create_table(
        "identity_domains",
        sa.Column("tenant", sa.String(100), primary_key=True),
        sa.Column("id", sa.String(253), primary_key=True),
        sa.Column("token", sa.String(100), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("verified", sa.BigInteger),
    )
    there = sa.text("verified IS NOT NULL")
    op.create_index(
        "identity_domains_verified",
        "identity_domains",
        ["id"],
        unique=True,
        sqlite_where=there,
        postgresql_where=there,
    )


def _seals() -> None:
    number, text = sa.BigInteger, sa.Text
    op.create_table(
        "identity_seals",
        sa.Column("tenant", sa.String(100), primary_key=True),
        sa.Column("number", number, primary_key=True, autoincrement=False),
        *(sa.Column(name, number, nullable=False) for name in ("until", "acts", "at")),
        *(sa.Column(name, text, nullable=False) for name in ("digest", "key", "mac")),
    )
    op.create_table(
        "identity_cuts",
        sa.Column("tenant", sa.String(100), primary_key=True),
        sa.Column("number", number, primary_key=True, autoincrement=False),
        *(sa.Column(name, number, nullable=False) for name in ("until", "acts", "at")),
        *(sa.Column(name, text, nullable=False) for name in ("digest", "key", "mac")),
    )
    ledger = op.create_table(
        "identity_ledger",
        sa.Column("id", number, primary_key=True, autoincrement=False),
        *(sa.Column(name, number, nullable=False) for name in ("until", "seals", "at", "shift")),
        *(sa.Column(name, text, nullable=False) for name in ("key", "mac")),
    )
    op.bulk_insert(ledger, [{"id": 1, "until": 0, "seals": 0, "at": 0, "shift": 0, "key": "", "mac": ""}])


def _anew(order: str, *parts: sa.schema.SchemaItem) -> None:
    """Make the table of acts anew with these parts, and move the acts there."""
    op.rename_table("identity_acts", "identity_acts_before")
    names = [name.strip() for name in _ACT.split(",")]
    lengths = {"id": 100, "tenant": 100, "principal": 100, "action": 200, "decision": 20}
    kinds = {name: sa.String(lengths[name]) if name in lengths else sa.Text() for name in names}
    op.create_table(
        "identity_acts",
        *(part for part in parts if isinstance(part, sa.Column)),
        *(
            sa.Column(name, sa.BigInteger() if name == "at" else kinds[name], nullable=name == "principal")
            for name in names
        ),
        *(part for part in parts if not isinstance(part, sa.Column)),
    )
    op.execute(f"INSERT INTO identity_acts ({_ACT}) SELECT {_ACT} FROM identity_acts_before ORDER BY {order}")  # noqa: S608 - constants
    op.drop_table("identity_acts_before")
