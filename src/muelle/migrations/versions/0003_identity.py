"""Tables of identity: tenants, agents, keys, grants, the audit record, and the epoch that every change moves.

Times are microseconds since 1970 in UTC; limits and addresses are JSON.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _tenants_and_agents()
    _keys_and_grants()
    _acts()
    epoch = op.create_table(
        "identity_epoch",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(epoch, [{"id": 1, "epoch": 0}])


def downgrade() -> None:
    """Drop the tables."""
    for table in ("epoch", "acts", "grants", "keys", "agents", "tenants"):
        op.drop_table(f"identity_{table}")


def _tenants_and_agents() -> None:
    op.create_table(
        "identity_tenants",
        sa.Column("id", sa.String(100), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("limits", sa.Text, nullable=False),
        sa.Column("addresses", sa.Text, nullable=False),
    )
    op.create_table(
        "identity_agents",
        sa.Column("id", sa.String(100), primary_key=True),
        sa.Column("tenant", sa.String(100), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("disabled", sa.BigInteger, nullable=False),
        sa.Column("limits", sa.Text, nullable=False),
        sa.UniqueConstraint("tenant", "name", name="identity_agents_name"),
    )


def _keys_and_grants() -> None:
    op.create_table(
        "identity_keys",
        sa.Column("id", sa.String(100), primary_key=True),
        sa.Column("tenant", sa.String(100), nullable=False),
        sa.Column("principal", sa.String(100), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("hint", sa.String(10), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger),
        sa.Column("revoked", sa.BigInteger),
    )
    op.create_index("identity_keys_principal", "identity_keys", ["principal", "id"])
    op.create_table(
        "identity_grants",
        sa.Column("id", sa.String(100), primary_key=True),
        sa.Column("tenant", sa.String(100), nullable=False),
        sa.Column("principal", sa.String(100), nullable=False),
        sa.Column("scope", sa.String(100), nullable=False),
        sa.Column("pattern", sa.String(500), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("principal", "scope", "pattern", name="identity_grants_rule"),
    )


def _acts() -> None:
    op.create_table(
        "identity_acts",
        sa.Column("id", sa.String(100), nullable=False),
        sa.Column("tenant", sa.String(100), nullable=False),
        sa.Column("principal", sa.String(100)),
        sa.Column("action", sa.String(200), nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("decision", sa.String(20), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        # In the order in which acts are read, so that no further index is needed: each request writes one.
        sa.PrimaryKeyConstraint("tenant", "at", "id"),
    )
