"""Vault: data keys of tenants, wrapped by a master key; when credentials were last used; what is offered."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "vault_keys",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("master", sa.Text, nullable=False),  # the print of the master key that opens it
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "vault_master",
        sa.Column("place", sa.BigInteger, primary_key=True),  # always 1: there is one master key at a time
        sa.Column("master", sa.Text, nullable=False),
    )
    op.create_table(
        "credential_uses",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("used_at", sa.BigInteger, nullable=False),  # microseconds, within a minute of the last use
    )
    op.create_table(
        "egress_definitions",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("api", sa.Text, primary_key=True),
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "egress_queries",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),  # database or query
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("egress_queries", "egress_definitions", "credential_uses", "vault_master", "vault_keys"):
        op.drop_table(table)
